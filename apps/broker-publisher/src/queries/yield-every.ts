/**
 * Returns a function that lets other work of the event loop run when `everyMs` have passed since the last pause. Called in
 * a long loop.
 */
export function yieldEvery(everyMs: number): () => Promise<void> | undefined {
  let sinceMs = performance.now();
  return () => {
    if (performance.now() - sinceMs < everyMs) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        sinceMs = performance.now();
        resolve();
      }),
    );
  };
}
