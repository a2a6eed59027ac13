import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from './errors.ts';

const intervalMsDefault = 100;

/** Reports that a condition did not hold before the deadline. */
export class WaitTimeoutError extends Error {
  override readonly name = 'WaitTimeoutError';
}

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Pause between two attempts; 100 ms by default. */
  readonly intervalMs?: number;
}

/**
 * Calls `attempt` until it returns a value other than `undefined`. Makes at least one attempt.
 *
 * @returns the value, or `undefined` after `timeoutMs`
 * @throws the first error of `attempt`
 */
export async function poll<Result>(
  attempt: () => Promise<Result | undefined> | Result | undefined,
  { timeoutMs, intervalMs = intervalMsDefault }: WaitOptions,
): Promise<Result | undefined> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const result = await attempt();
    if (result !== undefined || performance.now() > deadlineMs) return result;
    await sleep(intervalMs);
  }
}

/**
 * Calls `attempt` until it returns a value other than `undefined`. An error of `attempt` counts as `undefined`.
 *
 * @param subject what the caller waits for, as in "timed out after 5 s waiting for <subject>"
 * @throws WaitTimeoutError after `timeoutMs`; its message and `cause` contain the last error of `attempt`
 */
export async function waitFor<Result>(
  subject: string,
  attempt: () => Promise<Result | undefined> | Result | undefined,
  options: WaitOptions,
): Promise<Result> {
  let lastError: unknown;
  const result = await poll(async () => {
    try {
      return await attempt();
    } catch (error) {
      lastError = error;
      return undefined;
    }
  }, options);
  if (result !== undefined) return result;
  const reason = lastError === undefined ? '' : `: ${describeError(lastError)}`;
  throw new WaitTimeoutError(
    `timed out after ${options.timeoutMs / 1_000} s waiting for ${subject}${reason}`,
    {
      cause: lastError,
    },
  );
}

/** Waits until `condition` holds. Returns false when it still does not hold after `timeoutMs`. */
export async function holdsWithin(
  condition: () => Promise<boolean> | boolean,
  options: WaitOptions,
): Promise<boolean> {
  const held = await poll(async () => ((await condition()) ? true : undefined), options);
  return held ?? false;
}
