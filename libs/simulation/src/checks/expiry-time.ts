import type { History, Publication } from '../history/history.ts';

/** The clocks of the members differ in rate, and their messages take a few milliseconds. */
const clockErrorMsMax = 100;

/**
 * Returns the largest time by which a message may expire early (docs/DESIGN.md, "Cluster time"). The estimate of
 * a home is behind by the delay of the leader's heartbeat. The leader's time is behind by the delay of the votes
 * that elected it. A later heartbeat or vote that arrives faster moves them forward.
 */
export function expiryEarlyMsMax({ peerDelayMsMax }: Pick<History, 'peerDelayMsMax'>): number {
  return clockErrorMsMax + 2 * peerDelayMsMax;
}

/** Returns whether the message may have expired at this time of the run. */
export function mayHaveExpired(
  history: Pick<History, 'peerDelayMsMax'>,
  { expirySeconds, sentAtMs }: Publication,
  atMs: number,
): boolean {
  if (expirySeconds === null || sentAtMs === null) return false;
  return sentAtMs + expirySeconds * 1_000 - expiryEarlyMsMax(history) < atMs;
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
