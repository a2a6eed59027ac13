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
