const tickMs = 5;

/** Calls `act` so many times a second, by the clock: what a late tick missed is made up for. @returns ends it. */
export function steadily(perSecond: number, act: (number: number) => void): () => void {
  const startedMs = performance.now();
  let done = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1_000);
    while (done < due) act(done++);
  }, tickMs);
  return () => clearInterval(timer);
}
