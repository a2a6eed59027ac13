import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Header, HistoryEvent, HistoryLine } from './events.ts';
import { HistoryError } from './history-error.ts';
import { encodeLine } from './line-codec.ts';

/**
 * Size of one write to the file: large enough that a line costs little, and small enough that a batch is
 * compressed within milliseconds.
 */
const batchCharactersMax = 256 * 1024;
/** Number of queued characters above which `write` returns false, so that the caller waits. */
const waitingCharactersMax = 4 * 1024 * 1024;
/**
 * Number of queued characters above which `write` throws, so that a caller that never waits can't fill the
 * memory.
 */
const refusedCharactersMin = 64 * 1024 * 1024;
/** Longest time until a line is written to the file, so that a killed run leaves a readable history. */
const flushDelayMsMax = 1_000;

/** Writes a history in batches. */
export interface HistoryWriter {
  readonly path: string;
  /**
   * Queues an event without waiting for the disk.
   * @returns false when the caller should wait for `ready()`
   * @throws {HistoryError} when the file can't be written, or when the caller did not wait and 64 Mi
   * characters are queued
   */
  write(event: HistoryEvent): boolean;
  /** Resolves when the queue has room; rejects when the file can't be written. */
  ready(): Promise<void>;
  /** Writes all queued events and closes the file. */
  close(): Promise<void>;
}

const compress = promisify(gzip);

/**
 * Creates a history file. If the path ends with `.gz`, each batch is compressed as a gzip member of its own.
 * A gzip reader joins all members (RFC 1952, 2.2), so the history of a killed run is readable up to its last
 * batch.
 * @throws {HistoryError} when the file can't be created
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
  /** Batches that wait for the current write. */
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
    if (this.#closed) throw new HistoryError(`${this.path} is already closed`);
    this.#append(event);
    if (this.#queuedCharacters > refusedCharactersMin) {
      throw new HistoryError(
        `${this.path} can't be written as fast as the run records events; use a lower rate`,
      );
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
    this.#flush();
    while (this.#writing) await this.#writing;
    await this.#file.close();
    if (this.#failure) throw this.#failure;
  }

  #append(line: HistoryLine): void {
    const text = encodeLine(line);
    this.#lines.push(text);
    this.#batchCharacters += text.length;
    this.#queuedCharacters += text.length;
    if (this.#batchCharacters >= batchCharactersMax) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), flushDelayMsMax).unref();
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#lines.length > 0) this.#batches.push(this.#lines.join(''));
    this.#lines = [];
    this.#batchCharacters = 0;
    // Without a batch the write would end before `#writing` is set, and `close` would wait forever.
    if (this.#batches.length > 0) this.#writing ??= this.#writeBatches();
  }

  /**
   * Writes all batches. The promise never rejects: the next call of `write`, `ready` or `close` throws the
   * failure.
   */
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
