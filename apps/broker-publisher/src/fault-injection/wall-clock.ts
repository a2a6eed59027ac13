/**
 * Shifts the wall clock of this process: `Date` in our code, in libraries and in the log. Monotonic time is
 * unchanged.
 *
 * @param shiftMs returns the shift in ms, negative for a shift back; called at each reading of the clock
 * @returns a function that restores the true clock
 */
export function shiftWallClock(shiftMs: () => number): () => void {
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
