const windowsMinutes = [1, 5, 15] as const;
const minuteMs = 60_000;

/** Moving averages of an event rate per minute, over the last one, five and fifteen minutes. */
export class LoadAverage {
  readonly #averages = windowsMinutes.map(() => 0);
  #total = 0;

  /**
   * @param total number of events since the start
   * @param elapsedMs time since the previous call, above 0
   */
  advance(total: number, elapsedMs: number): void {
    const perMinute = ((total - this.#total) * minuteMs) / elapsedMs;
    this.#total = total;
    windowsMinutes.forEach((minutes, position) => {
      const weight = Math.exp(-elapsedMs / (minutes * minuteMs));
      this.#averages[position] = perMinute + weight * (this.#averages[position]! - perMinute);
    });
  }

  /** Returns the averages by the name of their window in `$SYS`. */
  entries(): (readonly [string, number])[] {
    return windowsMinutes.map((minutes, position) => [`${minutes}min`, this.#averages[position]!] as const);
  }
}
