import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Header, HistoryEvent, HistoryLine } from './events.ts';
import { HistoryError } from './history-error.ts';
import { encodeLine } from './line-codec.ts';

/** One write to the file: large enough that a line costs next to nothing, small enough to compress in milliseconds. */
const batchCharactersMax = 256 * 1024;
/** From here on `write` asks its caller to wait. */
const waitingCharactersMax = 4 * 1024 * 1024;
/** A caller that never waits is stopped here, before it fills the memory. */
const refusedCharactersMin = 64 * 1024 * 1024;
/** A line that stands in a batch for longer than this is written with it, so that a run that is killed leaves its history. */
const flushDelayMsMax = 1_000;

export interface HistoryWriter {
  readonly path: string;
  /**
   * Never waits for the disk.
   * @returns false if the caller should wait for `ready()` before it goes on.
   * @throws {HistoryError} if the file can't be written, or if the caller did not wait and 64 Mi characters are queued.
   */
  write(event: HistoryEvent): boolean;
  /** Resolves when there is room again; rejects when the file can't be written. */
  ready(): Promise<void>;
  /** Writes what is left and closes the file. */
  close(): Promise<void>;
}

const compress = promisify(gzip);

/**
 * Opens a history. A name that ends in `.gz` makes it compressed: each batch a gzip member of its own, which any gunzip
 * joins (RFC 1952, 2.2), so a run that was killed is readable up to its last batch.
 * @throws {HistoryError} if the file can't be made.
 */
export async function createHistoryWriter(path: string, header: Header): Promise<HistoryWriter> {
  let file: FileHandle;
  try {
    file = await open(path, 'w');
  } catch (cause) {
    throw new HistoryError(`${path} can't be written: ${(cause as Error).message}`, { cause });
  }
  return new BatchedWriter(path, file, header);
}

class BatchedWriter implements HistoryWriter {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #compressed: boolean;
  #lines: string[] = [];
  /** Characters in `#lines`. */
  #batchCharacters = 0;
  /** Batches that wait for the one that is being written. */
  #batches: string[] = [];
  #queuedCharacters = 0;
  #writing: Promise<void> | null = null;
  #failure: HistoryError | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(path: string, file: FileHandle, header: Header) {
    this.path = path;
    this.#file = file;
    this.#compressed = path.endsWith('.gz');
    this.#append(header);
  }

  write(event: HistoryEvent): boolean {
    if (this.#failure) throw this.#failure;
    if (this.#closed) throw new HistoryError(`${this.path} is closed already`);
    this.#append(event);
    if (this.#queuedCharacters > refusedCharactersMin) {
      throw new HistoryError(`${this.path} can't be written as fast as the run records; lower its rate`);
    }
    return this.#queuedCharacters <= waitingCharactersMax;
  }

  async ready(): Promise<void> {
    while (!this.#failure && this.#queuedCharacters > waitingCharactersMax && this.#writing) {
      await this.#writing;
    }
    if (this.#failure) throw this.#failure;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cut();
    while (this.#writing) await this.#writing;
    await this.#file.close();
    if (this.#failure) throw this.#failure;
  }

  #append(line: HistoryLine): void {
    const text = encodeLine(line);
    this.#lines.push(text);
    this.#batchCharacters += text.length;
    this.#queuedCharacters += text.length;
    if (this.#batchCharacters >= batchCharactersMax) this.#cut();
    else this.#timer ??= setTimeout(() => this.#cut(), flushDelayMsMax).unref();
  }

  #cut(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#lines.length > 0) this.#batches.push(this.#lines.join(''));
    this.#lines = [];
    this.#batchCharacters = 0;
    // With nothing to write it would be over before it is noted down as going on, and `close` would wait for ever.
    if (this.#batches.length > 0) this.#writing ??= this.#writeBatches();
  }

  /** Never rejects: what goes wrong is told by the next call. */
  async #writeBatches(): Promise<void> {
    try {
      for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) {
        const bytes = Buffer.from(batch);
        await this.#file.writeFile(
          this.#compressed ? await compress(bytes, { level: constants.Z_BEST_SPEED }) : bytes,
        );
        this.#queuedCharacters -= batch.length;
      }
    } catch (cause) {
      this.#failure = new HistoryError(`${this.path} can't be written: ${(cause as Error).message}`, {
        cause,
      });
    } finally {
      this.#writing = null;
    }
  }
}
