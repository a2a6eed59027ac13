const pollMs = 250;

/**
 * Asks again and again until the answer is not null. What can't be answered yet (an error) counts as null.
 * @throws Error naming what did not come within the bound, with the last error as its cause.
 */
export async function until<T>(what: string, msMax: number, ask: () => Promise<T | null>): Promise<T> {
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
