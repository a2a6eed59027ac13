import { join } from 'node:path';
import type { MessagePages } from '@mqtt-cluster/contracts';
import { PageFile } from './page-file.ts';
import { nodePageSystem } from './page-system.ts';
import type { PageSystem } from './page-system.ts';

/** Bytes of one file. A file is deleted when nobody needs any of it. */
const fileBytesDefault = 16 * 1024 * 1024;
/** Bytes that one write passes to the operating system. */
const bufferBytesDefault = 256 * 1024;
/** Buffers that wait for the disk. At this bound the pages accept nothing. */
const waitingMax = 32;
/** Bytes that are read at once, because the next messages of a queue usually follow. */
const blockBytesDefault = 4 * 1024;
const blocksMax = 1_024;
/** How long the pages accept nothing after a failed write. */
const refusalMs = 10_000;
/** A file is sparse when less than this part of it is needed. */
const sparsePart = 1 / 4;

export interface MessagePageOptions {
  /** Upper bound of the bytes of one file, and of one message. */
  readonly fileBytes?: number;
  /** Bytes that one write passes to the operating system. */
  readonly bufferBytes?: number;
  /** Bytes that are read at once. */
  readonly blockBytes?: number;
  /** Called when a write fails, at most once in ten seconds. The messages stay in memory. */
  readonly onWriteError?: (error: Error) => void;
  /** Replaced by the simulator and by tests of failing disks. */
  readonly system?: PageSystem;
}

/**
 * Prepares message pages in a directory that nobody else uses: creates it, or deletes everything in it. Pages are no part of
 * the durable state: they are written without a sync, and a page that cannot be read ends the process, which then recovers
 * from its log and snapshots.
 *
 * @returns a function that opens empty pages; several can be open
 * @throws Error the directory cannot be used
 */
export function messagePagesIn(directory: string, options: MessagePageOptions = {}): () => MessagePageFiles {
  (options.system ?? nodePageSystem).empty(directory);
  let opened = 0;
  return () => new MessagePageFiles(directory, `messages-${++opened}`, options);
}

/**
 * Message pages in files.
 *
 * Writes only append, and the event loop does not wait for them. Reads are synchronous; they usually hit the page cache of
 * the operating system, which is not memory of the process.
 */
class MessagePageFiles implements MessagePages {
  readonly #pathPrefix: string;
  readonly #fileBytes: number;
  readonly #bufferBytes: number;
  readonly #blockBytes: number;
  readonly #onWriteError: (error: Error) => void;
  readonly #system: PageSystem;
  readonly #files = new Map<number, PageFile>();
  /** Blocks of full files, the least recently read first. */
  readonly #blocks = new Map<number, Buffer>();
  #current: { readonly number: number; readonly file: PageFile } | null = null;
  #nextNumber = 0;
  #waiting = 0;
  #holds = 0;
  #isClosed = false;
  #refusesUntilMs = -Infinity;

  /** @param prefix of the file names in the directory */
  constructor(directory: string, prefix: string, options: MessagePageOptions) {
    this.#pathPrefix = join(directory, prefix);
    this.#fileBytes = options.fileBytes ?? fileBytesDefault;
    this.#bufferBytes = options.bufferBytes ?? bufferBytesDefault;
    this.#blockBytes = options.blockBytes ?? blockBytesDefault;
    this.#onWriteError = options.onWriteError ?? (() => undefined);
    this.#system = options.system ?? nodePageSystem;
  }

  get hasSparse(): boolean {
    // During a hold, nothing is given back.
    if (this.#holds > 0) return false;
    let live = 0;
    let used = 0;
    let isAnySparse = false;
    for (const file of this.#files.values()) {
      live += file.live;
      used += file.used;
      isAnySparse ||= this.#isFileSparse(file);
    }
    return isAnySparse && used > 2 * live + 2 * this.#fileBytes;
  }

  isSparse(position: number): boolean {
    const file = this.#files.get(Math.floor(position / this.#fileBytes));
    return file !== undefined && this.#isFileSparse(file);
  }

  get isAccepting(): boolean {
    return this.#waiting < waitingMax && this.#system.nowMs() >= this.#refusesUntilMs;
  }

  flush(): void {
    try {
      for (const file of this.#files.values()) file.flushAndWait();
    } catch (error) {
      this.#refuse(error as Error);
    }
    this.#countWaiting();
  }

  write(bytes: Uint8Array): number | null {
    if (this.#isClosed) throw new Error('the pages are closed');
    if (bytes.length > this.#fileBytes || !this.isAccepting) return null;
    const current = this.#fileFor(bytes.length);
    if (current === null) return null;
    const { number, file } = current;
    const before = file.waiting;
    const offset = file.append(bytes);
    this.#waiting += file.waiting - before;
    return number * this.#fileBytes + offset;
  }

  read(position: number, length: number): Uint8Array {
    const number = Math.floor(position / this.#fileBytes);
    const file = this.#files.get(number);
    if (file === undefined) throw new Error(`page file ${number} does not exist`);
    const offset = position - number * this.#fileBytes;
    const isBlockwise = file.isFull && file.waiting === 0 && length < this.#blockBytes;
    return isBlockwise ? this.#readBlockwise(number, file, offset, length) : file.read(offset, length);
  }

  free(position: number, length: number): void {
    const number = Math.floor(position / this.#fileBytes);
    const file = this.#files.get(number);
    if (file === undefined) return;
    file.live -= length;
    if (file.live === 0 && file.isFull) this.#delete(number, file);
  }

  hold(): () => void {
    this.#holds++;
    return () => {
      if (this.#holds > 0) this.#holds--;
      for (const [number, file] of this.#files)
        if (this.#isClosed || (file.live === 0 && file.isFull)) this.#delete(number, file);
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const [number, file] of this.#files) this.#delete(number, file);
    this.#current = null;
    this.#blocks.clear();
  }

  #isFileSparse(file: PageFile): boolean {
    return file.isFull && file.live < this.#fileBytes * sparsePart;
  }

  #fileFor(length: number): { readonly number: number; readonly file: PageFile } | null {
    if (this.#current !== null && this.#current.file.used + length <= this.#fileBytes) return this.#current;
    if (this.#current !== null) {
      const { number, file } = this.#current;
      this.#current = null;
      file.isFull = true;
      file.flush();
      if (file.live === 0) this.#delete(number, file);
    }
    const number = this.#nextNumber++;
    try {
      const path = `${this.#pathPrefix}-${number}.bin`;
      const file = new PageFile(path, this.#system, this.#bufferBytes, (error) => this.#onWritten(error));
      this.#files.set(number, file);
      this.#current = { number, file };
      return this.#current;
    } catch (error) {
      this.#refuse(error as Error);
      return null;
    }
  }

  #onWritten(error: Error | null): void {
    this.#countWaiting();
    if (error !== null) this.#refuse(error);
  }

  #refuse(error: Error): void {
    if (this.#system.nowMs() < this.#refusesUntilMs) return;
    this.#refusesUntilMs = this.#system.nowMs() + refusalMs;
    this.#onWriteError(error);
    this.#system.after(refusalMs, () => {
      this.#refusesUntilMs = -Infinity;
      for (const file of this.#files.values()) file.flush();
    });
  }

  /** Deletes a file, unless somebody may still read it. */
  #delete(number: number, file: PageFile): void {
    if (this.#holds > 0) return;
    this.#files.delete(number);
    file.delete();
    this.#countWaiting();
  }

  #countWaiting(): void {
    this.#waiting = 0;
    for (const { waiting } of this.#files.values()) this.#waiting += waiting;
  }

  #readBlockwise(number: number, file: PageFile, offset: number, length: number): Uint8Array {
    const first = Math.floor(offset / this.#blockBytes);
    const start = offset - first * this.#blockBytes;
    const block = this.#block(number, file, first);
    if (start + length <= block.length) return block.subarray(start, start + length);
    const rest = length - (block.length - start);
    return Buffer.concat([block.subarray(start), this.#block(number, file, first + 1).subarray(0, rest)]);
  }

  #block(number: number, file: PageFile, index: number): Buffer {
    const key = number * Math.ceil(this.#fileBytes / this.#blockBytes) + index;
    let block = this.#blocks.get(key);
    if (block === undefined) {
      const offset = index * this.#blockBytes;
      block = file.read(offset, Math.min(this.#blockBytes, file.used - offset));
    } else this.#blocks.delete(key);
    this.#blocks.set(key, block);
    if (this.#blocks.size > blocksMax) this.#blocks.delete(this.#blocks.keys().next().value!);
    return block;
  }
}
