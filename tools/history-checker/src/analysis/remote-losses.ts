import type { Analysis } from './analysis.ts';

/**
 * Times around a kill of a broker beyond a link in which it may lose and repeat messages, ms. mosquitto with
 * `autosave_interval 1` forgets at least the last second. After its start, clients and links continue the exchanges that it
 * has forgotten.
 */
const beforeKillMs = 5_000;
const afterKillMs = 10_000;

/**
 * Checks the exception for a broker beyond a link that was killed and acknowledges before it saves: it has lost what it had
 * not saved, and repeats what it had saved before. A broker that stops in the regular way saves its state, so it has no exception.
 *
 * @param server the server of the session that did not receive the message, or received it twice
 * @returns a description of the exception; null if it does not apply
 */
export function describeRemoteKill(analysis: Analysis, message: number, server: string): string | null {
  const { faults, header, messages } = analysis.tables;
  if (header.remotesForget !== true) return null;
  const origin = analysis.connection(messages.firstConnection(message)).connect.server;
  const firstAt = messages.firstAt(message);
  const lastAt = messages.isAcked(message) ? messages.ackAt(message) : firstAt;
  for (const remote of header.remotes ?? []) {
    if (remote !== origin && remote !== server) continue;
    const isNear = faults
      .kills(remote)
      .some(({ fromMs, toMs }) => firstAt <= toMs + afterKillMs && lastAt >= fromMs - beforeKillMs);
    if (isNear) return `${remote} was killed before it saved its state`;
  }
  return null;
}
