/**
 * Steps this process' wall clock, for everything in it: our code, libraries, the log. Monotonic time stays.
 * @param shiftMs how far the clock is off, forward or back, asked at every reading.
 * @returns puts the true clock back.
 */
export function installClock(shiftMs: () => number): () => void {
  const trueDate = globalThis.Date;
  const now = (): number => trueDate.now() + shiftMs();
  globalThis.Date = new Proxy(trueDate, {
    construct: (target, given: unknown[], newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as object,
    apply: () => new trueDate(now()).toString(),
    get: (target, name, receiver) =>
      name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown),
  });
  return () => {
    globalThis.Date = trueDate;
  };
}
