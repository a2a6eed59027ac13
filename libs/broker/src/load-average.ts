const windowsMinutes = [1, 5, 15] as const;
const minuteMs = 60_000;

/** Moving averages of how often something happens, for each minute: of the last one, five and fifteen. */
export class LoadAverage {
  readonly #averages = windowsMinutes.map(() => 0);
  #total = 0;

  /** `total`: how often it has happened since the start; `elapsedMs`: since the last call, above 0. */
  advance(total: number, elapsedMs: number): void {
    const perMinute = ((total - this.#total) * minuteMs) / elapsedMs;
    this.#total = total;
    windowsMinutes.forEach((minutes, position) => {
      const kept = Math.exp(-elapsedMs / (minutes * minuteMs));
      this.#averages[position] = perMinute + kept * (this.#averages[position]! - perMinute);
    });
  }

  /** By what the window is called in `$SYS`. */
  entries(): (readonly [string, number])[] {
    return windowsMinutes.map((minutes, position) => [`${minutes}min`, this.#averages[position]!] as const);
  }
}
