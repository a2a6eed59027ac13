import type { Publication } from '../history/history.ts';

/**
 * Largest time by which a message may expire early: the clocks of the members differ in rate, and the interval
 * is counted in whole seconds on the way.
 */
export const expiryEarlyMsMax = 100;

/** Returns whether the message may have expired at this time of the run. */
export function mayHaveExpired({ expirySeconds, sentAtMs }: Publication, atMs: number): boolean {
  return (
    expirySeconds !== null && sentAtMs !== null && sentAtMs + expirySeconds * 1_000 - expiryEarlyMsMax < atMs
  );
}

/**
 * Returns the latest time at which the message expires, or null when its entry may be newer than its
 * acknowledgement.
 */
export function latestExpiryMs(publication: Publication): number | null {
  const { expirySeconds, ackedAtMs, ackedDegraded, connections } = publication;
  if (expirySeconds === null || ackedAtMs === null || ackedDegraded || connections.length !== 1) return null;
  return ackedAtMs + expirySeconds * 1_000;
}
