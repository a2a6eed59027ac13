import { createHash } from 'node:crypto';
import { ConfigError } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { processMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { readStable, signatureOf } from './file-content.ts';
import type { FileContent } from './file-content.ts';

const pollMsDefault = 1_000;
/** Checks after which refused files are read again: time alone can make certificates and revocation lists valid. */
const checksUntilRetry = 30;
const bytesMaxDefault = 16 * 1024 * 1024;

export interface WatchedFilesOptions {
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Time between two checks of all files, ms. A changed file is read at the second check that sees the change. */
  readonly pollMs?: number;
}

export interface WatchedFileOptions<Value> {
  /** Name of the setting that contains the paths. Log lines, errors and the metric contain it. */
  readonly setting: string;
  /** The files that form one value, such as a key and its certificate. They are always read together. */
  readonly paths: readonly string[];
  /**
   * Returns the value of the files, which stand in the order of `paths`. Throws an error to refuse the files;
   * its message names the fault, such as `line 3: the hash has an unknown format`.
   */
  readonly parse: (files: readonly FileContent[]) => Value;
  /** Bytes of one file. Larger files are refused. Default: 16 MiB. */
  readonly bytesMax?: number;
}

/** The value of one or more files that are read again when they change. */
export interface WatchedFile<Value> {
  /** The value of the last files that were accepted. */
  readonly current: Value;
  /** Why the files on disk were refused, or undefined if the current value is that of the files on disk. */
  readonly refusal: string | undefined;
  /** Calls the listener with each new value. Returns a function that removes the listener. */
  onChange(listener: (value: Value) => void): () => void;
  /** Reads the files now. Returns whether the files are valid. */
  reload(): Promise<boolean>;
  /** Ends the watching. The current value stays. */
  close(): void;
}

/**
 * Files of the configuration that are read again when they change. Each file is checked every second by its
 * identity, size and times. A check notices a replaced file, a rewritten file and a replaced symbolic link alike,
 * on every file system. Content that is refused is logged once, and the value before it stays in force. It is read again
 * after 30 checks, because certificates and revocation lists become valid at some time. A file that has
 * become empty is refused, too: a full disk or a failed program leaves such a file, and its users and rules would be gone.
 */
export class WatchedFiles {
  readonly #options: WatchedFilesOptions;
  readonly #files = new Set<Pick<Watch<unknown>, 'poll' | 'reload'>>();
  readonly #pollMs: number;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: WatchedFilesOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? pollMsDefault;
  }

  /** @throws ConfigError with the setting, the path and the fault: the files cannot be read, or are refused */
  async watch<Value>(options: WatchedFileOptions<Value>): Promise<WatchedFile<Value>> {
    const watch: Watch<Value> = await Watch.start(options, this.#options, () => this.#files.delete(watch));
    if (this.#stopped) return watch;
    this.#files.add(watch);
    this.#schedule();
    return watch;
  }

  /** Reads all files now, as SIGHUP requests. A refused file is logged again. Never rejects because of a file. */
  async reload(): Promise<void> {
    for (const file of [...this.#files]) await file.reload();
  }

  /** Checks all files, as the timer does. */
  async poll(): Promise<void> {
    for (const file of [...this.#files]) await file.poll();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#files.clear();
  }

  #schedule(): void {
    if (this.#timer !== null || this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.poll().then(() => {
        this.#timer = null;
        this.#schedule();
      });
    }, this.#pollMs);
    this.#timer.unref();
  }
}

class Watch<Value> implements WatchedFile<Value> {
  readonly #options: WatchedFileOptions<Value>;
  readonly #common: WatchedFilesOptions;
  readonly #onClose: () => void;
  readonly #listeners = new Set<(value: Value) => void>();
  #current: Value;
  /** Signatures of the files that were read last, whether accepted or refused. */
  #readSignature: string;
  /** Signatures at the last check, if they differed from those that were read. */
  #changedSignature: string | null = null;
  #contentDigest: string;
  /** Bytes of the accepted files, in the order of the paths. */
  #sizes: readonly number[];
  #refusal: string | undefined = undefined;
  /** Checks since the files were refused and did not change. */
  #checksSinceRefusal = 0;
  #closed = false;
  /** Reads one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  private constructor(
    options: WatchedFileOptions<Value>,
    common: WatchedFilesOptions,
    first: { readonly value: Value; readonly files: readonly FileContent[] },
    onClose: () => void,
  ) {
    this.#options = options;
    this.#common = common;
    this.#onClose = onClose;
    this.#current = first.value;
    this.#readSignature = signaturesOf(first.files);
    this.#contentDigest = digestOf(first.files);
    this.#sizes = sizesOf(first.files);
    this.#record();
  }

  static async start<Value>(
    options: WatchedFileOptions<Value>,
    common: WatchedFilesOptions,
    onClose: () => void,
  ): Promise<Watch<Value>> {
    try {
      const files = await readAll(options);
      return new Watch(options, common, { value: parsed(options, files), files }, onClose);
    } catch (cause) {
      throw new ConfigError(`${options.setting}: ${messageOf(cause)}`, { cause });
    }
  }

  get current(): Value {
    return this.#current;
  }

  get refusal(): string | undefined {
    return this.#refusal;
  }

  onChange(listener: (value: Value) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reload(): Promise<boolean> {
    return this.#inOrder(async () => {
      if (!this.#closed) await this.#read(true);
      return this.#refusal === undefined;
    });
  }

  /**
   * Reads the files if they have changed, and have not changed further since the check before. A program that
   * rewrites a file in place first truncates it; an early read would find a valid but incomplete file.
   */
  poll(): Promise<void> {
    return this.#inOrder(async () => {
      if (this.#closed) return;
      const signatures = (await Promise.all(this.#options.paths.map(signatureOf))).join('\n');
      const settled = signatures === this.#changedSignature;
      this.#changedSignature = signatures === this.#readSignature ? null : signatures;
      const isUnchanged = this.#changedSignature === null;
      this.#checksSinceRefusal =
        isUnchanged && this.#refusal !== undefined ? this.#checksSinceRefusal + 1 : 0;
      const isRetry = this.#checksSinceRefusal >= checksUntilRetry;
      if (!isRetry && (isUnchanged || !settled)) return;
      this.#checksSinceRefusal = 0;
      await this.#read(false);
    });
  }

  close(): void {
    this.#closed = true;
    this.#onClose();
  }

  async #read(requested: boolean): Promise<void> {
    const { logger } = this.#common;
    const { setting, paths } = this.#options;
    let files: readonly FileContent[];
    let value: Value;
    this.#readSignature = this.#changedSignature ?? this.#readSignature;
    try {
      files = await readAll(this.#options);
      this.#readSignature = signaturesOf(files);
      this.#changedSignature = null;
      const unchanged = digestOf(files) === this.#contentDigest;
      if (!unchanged) this.#rejectEmptied(files);
      value = unchanged ? this.#current : parsed(this.#options, files);
    } catch (error) {
      const refusal = messageOf(error);
      const isNew = refusal !== this.#refusal;
      this.#refusal = refusal;
      this.#record();
      if (isNew || requested) {
        logger.error(
          { setting, error: refusal },
          'A changed file was refused; its old content stays in force',
        );
      }
      return;
    }
    this.#refusal = undefined;
    this.#record();
    if (digestOf(files) === this.#contentDigest) return;
    this.#contentDigest = digestOf(files);
    this.#sizes = sizesOf(files);
    this.#current = value;
    logger.info({ setting, files: paths }, 'A changed file was read and is in force');
    for (const listener of [...this.#listeners]) listener(value);
  }

  /** @throws Error with the path of a file that had content and is empty now */
  #rejectEmptied(files: readonly FileContent[]): void {
    const emptied = files.find(({ bytes }, index) => bytes.length === 0 && this.#sizes[index] !== 0);
    if (emptied === undefined) return;
    throw new Error(`${emptied.path} is empty now; a file without entries needs at least an empty line`);
  }

  #record(): void {
    this.#common.metrics?.set(
      processMetrics.fileRefused,
      [this.#options.setting],
      this.#refusal === undefined ? 0 : 1,
    );
  }

  #inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => undefined);
    return result;
  }
}

function readAll<Value>({
  paths,
  bytesMax = bytesMaxDefault,
}: WatchedFileOptions<Value>): Promise<FileContent[]> {
  return Promise.all(paths.map((path) => readStable(path, bytesMax)));
}

/** @throws Error with the paths and the fault */
function parsed<Value>({ parse, paths }: WatchedFileOptions<Value>, files: readonly FileContent[]): Value {
  try {
    return parse(files);
  } catch (cause) {
    throw new Error(`${paths.join(', ')}: ${messageOf(cause)}`, { cause });
  }
}

function signaturesOf(files: readonly FileContent[]): string {
  return files.map(({ signature }) => signature).join('\n');
}

function sizesOf(files: readonly FileContent[]): readonly number[] {
  return files.map(({ bytes }) => bytes.length);
}

function digestOf(files: readonly FileContent[]): string {
  const hash = createHash('sha256');
  for (const { bytes } of files) hash.update(`${bytes.length} `).update(bytes);
  return hash.digest('base64');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
