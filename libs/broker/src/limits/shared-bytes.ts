import type { PacedStarts } from '../flow-control/paced-starts.ts';
import type { Occupant } from './places.ts';

/** Share of the bound from which owners above their part are paused, so that the bound itself is rarely reached. */
const pauseShare = 0.75;
/** Share of the bound below which the paused owners continue. */
const resumeShare = 0.5;
/** Time for which pausing alone may fail to make room, ms. */
const pausedMsMax = 5_000;
/** Interval between two measurements of all owners, ms. */
const measureMsMin = 100;

/** What happens to an owner of bytes. */
export interface SharedBytesActions<Owner> {
  /** Back pressure: the owner holds more than its part and must not get more bytes. Absent: not possible. */
  pause?(owner: Owner): void;
  resume?(owner: Owner): void;
  /** Calls the resumes, a few in each turn. Absent: all owners that continue do so at once. */
  readonly resumes?: Pick<PacedStarts, 'add'>;
  /** Returns the bytes that the owner holds now. Absent: the owner reports each change itself. */
  measure?(owner: Owner): number;
  /** The owner loses its bytes. Must lead to `set(owner, 0)`. Absent: not needed, back pressure is enough. */
  evict?(owner: Owner): void;
}

/**
 * Bounds the bytes of one kind over all connections together. From three quarters of the bound on, each owner that
 * holds more than its part (those bytes divided by the number of owners) is paused. At the bound, or if pausing makes
 * no room for five seconds, the holder (address or user) of most bytes loses its largest ones, until three quarters are
 * left.
 */
export class SharedBytes<Owner extends Occupant> {
  readonly max: number;
  /** Bytes that each owner may hold although it is above its part. */
  readonly #partMin: number;
  readonly #actions: SharedBytesActions<Owner>;
  readonly #bytes = new Map<Owner, number>();
  readonly #paused = new Set<Owner>();
  #total = 0;
  #pausedSinceMs: number | null = null;
  #evicting = false;
  #measuredAtMs = -Infinity;

  constructor(max: number, actions: SharedBytesActions<Owner>, partMin = 0) {
    this.max = max;
    this.#actions = actions;
    this.#partMin = partMin;
  }

  get total(): number {
    return this.#total;
  }

  /** Sets the bytes of an owner. Call this only when they have changed. */
  set(owner: Owner, bytes: number): void {
    const before = this.#bytes.get(owner) ?? 0;
    if (bytes > 0) this.#bytes.set(owner, bytes);
    else this.#remove(owner);
    this.#total += bytes - before;
    if (bytes > before && this.#total > this.max * pauseShare) this.#limit(owner, bytes);
    else if (this.#paused.size > 0 && this.#total < this.max * resumeShare) this.#resumeAll();
  }

  /** Evicts owners if back pressure has made no room. Called once a second. */
  sweep(nowMs: number): void {
    if (this.#paused.size === 0) this.#pausedSinceMs = null;
    else if (this.#total <= this.max * pauseShare) this.#resumeAll();
    else if (this.#pausedSinceMs === null) this.#pausedSinceMs = nowMs;
    else if (nowMs - this.#pausedSinceMs > pausedMsMax) this.#evictMost(this.max * resumeShare);
  }

  #remove(owner: Owner): void {
    this.#bytes.delete(owner);
    if (this.#paused.delete(owner)) this.#resume(owner);
  }

  #limit(owner: Owner, bytes: number): void {
    if (this.#actions.measure !== undefined) this.#measureAll(this.#actions.measure);
    if (this.#total <= this.max * pauseShare) return;
    if (this.#total > this.max) this.#evictMost(this.max * pauseShare);
    const part = Math.max(this.#partMin, (this.max * pauseShare) / this.#bytes.size);
    if (bytes <= part || !this.#bytes.has(owner) || this.#paused.has(owner)) return;
    if (this.#actions.pause === undefined) return;
    this.#paused.add(owner);
    this.#actions.pause(owner);
  }

  #measureAll(measure: (owner: Owner) => number): void {
    const nowMs = performance.now();
    if (nowMs - this.#measuredAtMs < measureMsMin) return;
    this.#measuredAtMs = nowMs;
    for (const [owner, before] of this.#bytes) {
      const bytes = measure(owner);
      this.#total += bytes - before;
      if (bytes > 0) this.#bytes.set(owner, bytes);
      else this.#remove(owner);
    }
  }

  #resumeAll(): void {
    const paused = [...this.#paused];
    this.#paused.clear();
    this.#pausedSinceMs = null;
    for (const owner of paused) this.#resume(owner);
  }

  #resume(owner: Owner): void {
    const { resumes } = this.#actions;
    if (resumes === undefined) return this.#actions.resume?.(owner);
    resumes.add(() => {
      // The owner may have been paused again while it waited for its turn.
      if (this.#paused.has(owner)) return false;
      this.#actions.resume?.(owner);
      return true;
    });
  }

  #evictMost(target: number): void {
    const { evict } = this.#actions;
    if (evict === undefined || this.#evicting) return;
    this.#evicting = true;
    const holders = new Map<string, { bytes: number; owners: Owner[] }>();
    for (const [owner, bytes] of this.#bytes) {
      const holder = holders.get(owner.holder);
      if (holder === undefined) holders.set(owner.holder, { bytes, owners: [owner] });
      else {
        holder.bytes += bytes;
        holder.owners.push(owner);
      }
    }
    const bytesOf = (owner: Owner): number => this.#bytes.get(owner) ?? 0;
    for (const { owners } of holders.values()) owners.sort((left, right) => bytesOf(left) - bytesOf(right));
    while (this.#total > target) {
      let most: { bytes: number; owners: Owner[] } | undefined;
      for (const holder of holders.values())
        if (most === undefined || holder.bytes > most.bytes) most = holder;
      const owner = most?.owners.pop();
      if (most === undefined || owner === undefined) break;
      most.bytes -= bytesOf(owner);
      evict(owner);
    }
    this.#evicting = false;
  }
}
