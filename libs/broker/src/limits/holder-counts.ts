/**
 * Counts places by holder (an address or a user), and finds the holder of most places in constant time. A scan of all
 * holders for each newcomer would give an attacker with many connects a lever.
 */
export class HolderCounts {
  readonly #counts = new Map<string, number>();
  readonly #holders = new Map<number, Set<string>>();
  #most = 0;

  /** Number of holders with at least one place. */
  get size(): number {
    return this.#counts.size;
  }

  /** The holder of most places; undefined if nobody holds a place. */
  get largest(): string | undefined {
    return this.#holders.get(this.#most)?.values().next().value;
  }

  of(holder: string): number {
    return this.#counts.get(holder) ?? 0;
  }

  add(holder: string): void {
    const count = this.of(holder);
    this.#move(holder, count, count + 1);
    this.#most = Math.max(this.#most, count + 1);
  }

  remove(holder: string): void {
    const count = this.of(holder);
    if (count === 0) return;
    this.#move(holder, count, count - 1);
    if (this.#holders.get(this.#most) === undefined) this.#most--;
  }

  #move(holder: string, from: number, to: number): void {
    const before = this.#holders.get(from);
    before?.delete(holder);
    if (before?.size === 0) this.#holders.delete(from);
    if (to === 0) {
      this.#counts.delete(holder);
      return;
    }
    this.#counts.set(holder, to);
    const after = this.#holders.get(to);
    if (after === undefined) this.#holders.set(to, new Set([holder]));
    else after.add(holder);
  }
}
