import { waitFor } from '@mqtt-cluster/kit';

const pollMs = 250;

/**
 * Calls `ask` every 250 ms until it returns a value other than null. An error counts as null.
 * @param what the expected event, which the error message contains
 * @throws WaitTimeoutError when there is no value within `msMax`; its cause is the last error of `ask`.
 */
export function waitUntil<T>(what: string, msMax: number, ask: () => Promise<T | null>): Promise<T> {
  return waitFor(what, async () => (await ask()) ?? undefined, { timeoutMs: msMax, intervalMs: pollMs });
}
