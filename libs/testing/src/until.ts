const pollMs = 10;
/** Upper bound of one wait, ms. Without it the loop would continue after Jest's timeout, and Jest would not exit. */
const waitMsMax = 120_000;

/**
 * Waits until `holds` returns true. The bound asserts nothing about time.
 *
 * @throws Error with the source text of the condition after 120 s
 */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadlineMs = performance.now() + waitMsMax;
  while (!(await holds())) {
    if (performance.now() > deadlineMs)
      throw new Error(`after ${waitMsMax / 1_000} s this condition does not hold: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
