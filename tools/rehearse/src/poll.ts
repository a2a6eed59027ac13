import { RehearsalError } from './errors.ts';

const pollIntervalMs = 200;

/**
 * Asks again and again until the answer is not `undefined`. An error counts as no answer.
 *
 * @throws RehearsalError what was waited for, after `timeoutMs`, with the last error
 */
export async function until<Answer>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      const reason = lastError instanceof Error ? `: ${lastError.message}` : '';
      throw new RehearsalError(`${what}: not within ${timeoutMs / 1_000} s${reason}`, { cause: lastError });
    }
    await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
  }
}
