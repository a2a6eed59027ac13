/** Resolution of the times in a history, ms. */
const resolutionMs = 1;

/**
 * Returns the time in an interval after which no fault had an effect, ms; null if a fault had an effect until its end.
 *
 * @param next returns the next disruption in an interval, or null
 */
export function undisruptedFrom(
  fromMs: number,
  toMs: number,
  next: (fromMs: number, toMs: number) => { readonly toMs: number } | null,
): number | null {
  let sinceMs = fromMs;
  while (toMs >= sinceMs) {
    const disruption = next(sinceMs, toMs);
    if (disruption === null) return sinceMs;
    sinceMs = disruption.toMs + resolutionMs;
  }
  return null;
}
