const tickMs = 5;

/**
 * Calls `act` `perSecond` times a second. When the timer fires late, it makes the missed calls at once.
 * Returns a function that stops the calls.
 */
export function steadily(perSecond: number, act: (number: number) => void): () => void {
  const startedMs = performance.now();
  let done = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1_000);
    while (done < due) act(done++);
  }, tickMs);
  return () => clearInterval(timer);
}
