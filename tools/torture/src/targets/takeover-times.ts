/** Times from a fault of the runner of a link until another member runs the link. */
export class TakeoverTimes {
  readonly #times = new Map<string, number[]>();
  #missing = 0;

  /** @param tookMs null: no other member ran the link in the time that was observed */
  add(kind: string, tookMs: number | null): void {
    if (tookMs === null) this.#missing++;
    else this.#times.set(kind, [...(this.#times.get(kind) ?? []), tookMs]);
  }

  /** @returns the number and the longest time of each kind of fault, in one sentence */
  describe(): string {
    const kinds = [...this.#times].map(
      ([kind, times]) => `${kind} ${times.length} (${(Math.max(...times) / 1_000).toFixed(1)} s at most)`,
    );
    const missing = this.#missing === 0 ? '' : `; ${this.#missing} without another runner`;
    return kinds.length === 0 ? `no takeovers${missing}` : `takeovers after ${kinds.join(', ')}${missing}`;
  }
}
