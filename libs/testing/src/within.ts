/** Upper bound of one wait of a test, ms. It bounds a hanging test, and asserts nothing about time. */
const waitMsMax = 60_000;

/**
 * Waits for the promise.
 *
 * @param subject what the test waits for, as in "60 s have passed without <subject>"
 * @throws Error with the subject after 60 s, which Jest's own timeout would not name
 */
export async function within<Result>(promise: Promise<Result>, subject: () => string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${waitMsMax / 1_000} s have passed without ${subject()}`)),
      waitMsMax,
    );
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Calls the action in each turn of the event loop until the condition holds.
 *
 * @throws Error with the source text of the condition after 60 s
 */
export async function turnsUntil(
  condition: () => boolean,
  action: () => void = () => undefined,
): Promise<void> {
  const deadlineMs = performance.now() + waitMsMax;
  while (!condition()) {
    if (performance.now() > deadlineMs)
      throw new Error(`after ${waitMsMax / 1_000} s this condition does not hold: ${String(condition)}`);
    action();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
