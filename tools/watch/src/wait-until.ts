const pollMs = 250;

/**
 * Calls `ask` every 250 ms until it returns a value other than null. An error counts as null.
 * @param what names the expected event in the error message
 * @throws Error when there is no value within `msMax`; its cause is the last error of `ask`.
 */
export async function waitUntil<T>(what: string, msMax: number, ask: () => Promise<T | null>): Promise<T> {
  const deadline = performance.now() + msMax;
  let last: unknown = undefined;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`${what} did not happen within ${msMax / 1_000} s${why}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
