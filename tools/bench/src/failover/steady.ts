const tickMs = 5;

/** Calls `act` that many times a second; a late tick makes up for missed calls. Returns a function that stops it. */
export function steadily(perSecond: number, act: (number: number) => void): () => void {
  const startedMs = performance.now();
  let done = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) * perSecond) / 1_000);
    while (done < due) act(done++);
  }, tickMs);
  return () => clearInterval(timer);
}
