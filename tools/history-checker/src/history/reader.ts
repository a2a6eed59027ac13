import { createReadStream } from 'node:fs';
import type { ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import type { Gunzip } from 'node:zlib';
import type { Header, HistoryEvent } from './events.ts';
import { HistoryError } from './history-error.ts';
import { decodeEvent, decodeHeader } from './line-codec.ts';

const newline = 0x0a;
const chunkBytes = 1024 * 1024;
/**
 * Largest size of one line. The longest event is a list of retained topics. A file with a longer line is not
 * a history.
 */
const lineBytesMax = 64 * 1024 * 1024;

/** Receives the header and the events of a history. */
export interface HistorySink {
  header(header: Header): void;
  /** May throw a {@link HistoryError}; the reader adds the file and the number of the line. */
  event(event: HistoryEvent): void;
  /**
   * Called after each chunk with the share of the file that has been read (0 to 1) and the number of lines.
   */
  progress?(share: number, lines: number): void;
}

/**
 * Reads a history once, line by line, in bounded memory.
 * @throws {HistoryError} `FILE: ...` or `FILE, line N: ...`: the file can't be read, is not a history, has
 * another format or a malformed line, or is incomplete (without `end`)
 */
export async function readHistory(path: string, sink: HistorySink): Promise<void> {
  const sizeBytes = await sizeOf(path);
  const lines = new LineReader(path, sink);
  const source = createReadStream(path, { highWaterMark: chunkBytes });
  const chunks = path.endsWith('.gz') ? unzipped(source) : source;
  try {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      lines.take(chunk);
      sink.progress?.(sizeBytes === 0 ? 1 : source.bytesRead / sizeBytes, lines.count);
    }
  } catch (error) {
    if (error instanceof HistoryError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw lines.incomplete();
    if (code?.startsWith('Z_') === true) throw new HistoryError(`${path} is not a gzip file (${message})`);
    throw new HistoryError(`${path} can't be read: ${message}`, { cause: error });
  } finally {
    source.destroy();
  }
  lines.finish();
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw new HistoryError(`${path} can't be read: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Decompresses the stream with `pipe`, because `pipeline` may report its own abort instead of the reader's
 * error.
 */
function unzipped(source: ReadStream): Gunzip {
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  source.on('error', (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

class LineReader {
  count = 0;
  readonly #path: string;
  readonly #sink: HistorySink;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(path: string, sink: HistorySink) {
    this.#path = path;
    this.#sink = sink;
  }

  take(chunk: Buffer): void {
    const last = chunk.lastIndexOf(newline);
    if (last === -1) {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      if (this.#rest.length > lineBytesMax) throw new HistoryError(`${this.#path}: not a history`);
      return;
    }
    // Only complete lines are decoded, so that no UTF-8 character is split.
    const text = Buffer.concat([this.#rest, chunk.subarray(0, last)]).toString('utf8');
    this.#rest = Buffer.from(chunk.subarray(last + 1));
    let from = 0;
    while (from <= text.length) {
      const to = text.indexOf('\n', from);
      this.#line(to === -1 ? text.slice(from) : text.slice(from, to));
      if (to === -1) break;
      from = to + 1;
    }
  }

  finish(): void {
    if (this.count === 0) {
      if (this.#rest.length > 0) this.#line(this.#rest.toString('utf8'));
      else throw new HistoryError(`${this.#path}: not a history: the file is empty`);
    }
    if (!this.#ended || this.#rest.length > 0) throw this.incomplete();
  }

  incomplete(): HistoryError {
    return new HistoryError(
      `${this.#path}: incomplete after line ${this.count}: the run did not reach its end, so its history can't be checked`,
    );
  }

  #line(text: string): void {
    this.count++;
    try {
      if (this.count === 1) {
        this.#sink.header(decodeHeader(text));
        return;
      }
      if (this.#ended) throw new HistoryError('there is a line after the `end`');
      const event = decodeEvent(text);
      this.#ended = event.type === 'end';
      this.#sink.event(event);
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error;
      throw new HistoryError(`${this.#path}, line ${this.count}: ${error.message}`, { cause: error });
    }
  }
}
