import type { PageSystem } from '@mqtt-cluster/store';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';

/** Duration of one write in milliseconds, uniform in [0, max). */
const writeMsMax = 4;

interface PageFile {
  bytes: Buffer;
}

interface PendingWrite {
  readonly file: PageFile;
  readonly bytes: Buffer;
  readonly position: number;
}

export type PageDamage = 'torn' | 'lost' | 'flipped';

/**
 * The file system below the message pages of one member. The pages themselves are those of `libs/store`. Nothing is synced. A
 * crash leaves the files behind, and the next process must empty the directory before it creates files with the same names.
 */
export class PageDisk implements PageSystem {
  /** Whether every read fails with EIO. */
  failsReads = false;
  /** Whether every write fails, and no file can be created, as on a full disk. */
  failsWrites = false;
  #isDamaged = false;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #count: (name: string) => void;
  readonly #paths = new Map<string, PageFile>();
  readonly #open = new Map<number, PageFile>();
  #nextDescriptor = 0;
  #pending: PendingWrite[] = [];
  /** Number of crashes. What a process began before a crash does not go on after it. */
  #generation = 0;

  /** @param count counts an event of the run by its name */
  constructor(timeline: Timeline, random: Random, count: (name: string) => void) {
    this.#timeline = timeline;
    this.#random = random;
    this.#count = count;
  }

  // ---- the calls of the running process ----

  empty(directory: string): void {
    for (const path of this.#paths.keys()) if (path.startsWith(`${directory}/`)) this.#paths.delete(path);
    this.#isDamaged = false;
  }

  create(path: string): number {
    if (this.#paths.has(path)) throw new Error(`EEXIST: file already exists, open '${path}'`);
    if (this.failsWrites) throw new Error(`ENOSPC: no space left on device, open '${path}'`);
    const file = { bytes: Buffer.alloc(0) };
    const descriptor = this.#nextDescriptor++;
    this.#paths.set(path, file);
    this.#open.set(descriptor, file);
    return descriptor;
  }

  write(...[descriptor, bytes, offset, length, position, done]: Parameters<PageSystem['write']>): void {
    const random = this.#random;
    const pending = {
      file: this.#file(descriptor),
      bytes: bytes.subarray(offset, offset + length),
      position,
    };
    this.#pending.push(pending);
    this.after(random.between(0, writeMsMax), () => {
      this.#pending = this.#pending.filter((other) => other !== pending);
      if (this.failsWrites) {
        this.#count('failed page writes');
        return done(new Error('ENOSPC: no space left on device, write'), 0);
      }
      // The operating system may accept fewer bytes than it was given.
      const count = random.chance(0.9) ? length : 1 + random.below(length);
      store(pending, count);
      this.#count('page writes');
      done(null, count);
    });
  }

  writeAndWait(descriptor: number, bytes: Buffer, offset: number, length: number, position: number): number {
    if (this.failsWrites) throw new Error('ENOSPC: no space left on device, write');
    store({ file: this.#file(descriptor), bytes: bytes.subarray(offset, offset + length), position }, length);
    this.#count('page writes');
    return length;
  }

  read(descriptor: number, bytes: Buffer, position: number): number {
    if (this.failsReads) throw new Error('EIO: i/o error, read');
    this.#count('page reads');
    return this.#file(descriptor).bytes.subarray(position).copy(bytes);
  }

  closeAndRemove(descriptor: number, path: string): void {
    this.#open.delete(descriptor);
    this.#paths.delete(path);
  }

  nowMs(): number {
    return this.#timeline.nowMs;
  }

  after(delayMs: number, action: () => void): void {
    const generation = this.#generation;
    this.#timeline.after(delayMs, () => {
      if (generation === this.#generation) action();
    });
  }

  // ---- faults ----

  /** Ends the faults of reads and writes. Files stay damaged until the next start of the process. */
  repair(): void {
    this.failsReads = false;
    this.failsWrites = false;
  }

  /** Ends the process. Any part of the writes in progress survives, and without power any part of the files. */
  crash(powerLoss: boolean): void {
    const random = this.#random;
    for (const pending of this.#pending) store(pending, random.below(pending.bytes.length + 1));
    this.#pending = [];
    this.#open.clear();
    this.#generation += 1;
    if (!powerLoss) return;
    for (const file of this.#paths.values())
      file.bytes = file.bytes.subarray(0, random.below(file.bytes.length + 1));
  }

  /**
   * Damages the files of the running process: the end of each file becomes zeros, all of it is lost, or one bit of it is
   * flipped.
   *
   * @returns the number of the damaged files
   */
  damage(kind: PageDamage): number {
    const random = this.#random;
    const files = [...this.#open.values()].filter(({ bytes }) => bytes.length > 0);
    for (const file of files) {
      const place = random.below(file.bytes.length);
      if (kind === 'torn') file.bytes.fill(0, place);
      else if (kind === 'lost') file.bytes = Buffer.alloc(0);
      else file.bytes[place] = file.bytes[place]! ^ (1 << random.below(8));
    }
    this.#isDamaged ||= files.length > 0;
    return files.length;
  }

  /** Whether the files of the running process have been damaged. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  #file(descriptor: number): PageFile {
    const file = this.#open.get(descriptor);
    if (file === undefined) throw new Error(`EBADF: bad file descriptor ${descriptor}`);
    return file;
  }
}

/** Stores the first `count` bytes of a write. */
function store({ file, bytes, position }: PendingWrite, count: number): void {
  const end = position + count;
  if (file.bytes.length < end) file.bytes = Buffer.concat([file.bytes], end);
  bytes.copy(file.bytes, position, 0, count);
}
