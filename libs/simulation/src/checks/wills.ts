import type { ConnectionRecord, History } from '../history/history.ts';

/**
 * After a member stops, pauses or loses its majority, the cluster orphans the member's sessions, or the
 * member becomes isolated, within this time.
 */
const disturbanceMs = 6_000;

/**
 * Checks P6 with the messages that a permanent subscriber received: at most one will per connection, no will
 * after a DISCONNECT, and one will for a client that died and never reconnected.
 */
export function checkWills(history: History, watcher: string): void {
  const seen = new Map<number, number>();
  for (const session of history.sessions) {
    if (session.client !== watcher) continue;
    for (const { publication } of session.arrivals) seen.set(publication, (seen.get(publication) ?? 0) + 1);
  }
  const watching = history.sessions.filter(({ client }) => client === watcher);
  const watchedSinceMs = Math.min(
    ...watching.flatMap(({ subscriptions }) => subscriptions.map(({ ackedAtMs }) => ackedAtMs ?? Infinity)),
  );
  const lastOf = new Map<string, ConnectionRecord>();
  for (const record of history.connections.values()) {
    const former = lastOf.get(record.client);
    if (former === undefined || former.openedAtMs <= record.openedAtMs) lastOf.set(record.client, record);
  }
  for (const record of history.connections.values()) {
    if (record.will === null || record.client.startsWith('twin')) continue;
    const times = seen.get(record.will.publication) ?? 0;
    const text = (what: string): string =>
      `${what}: will #${record.will?.publication} of ${record.client} on ${record.id} at ${record.host}, ` +
      `${record.end}${record.endReason === '' ? '' : ` (${record.endReason})`} at ${record.endedAtMs?.toFixed(1)}`;
    const violate = (what: string): void =>
      history.reportViolation({
        promise: 'P6',
        client: record.client,
        publication: record.will?.publication ?? 0,
        text: text(what),
      });
    if (times > 1) violate(`published ${times} times`);
    if (times > 0 && isDisconnectKnown(history, record)) violate('published after a DISCONNECT');
    if (times > 0 && record.end === 'open') violate('published although its client is connected');
    // The subscriber may have subscribed after the end of the connection.
    const isWatched = record.endedAtMs !== null && record.endedAtMs > watchedSinceMs;
    // A home that closes a connection itself cannot detect whether the client has died just before.
    const died =
      record.end === 'lost' && !record.closedByHome && record.connackAtMs !== null && !record.connackIsolated;
    if (died && isWatched && times === 0 && lastOf.get(record.client) === record) violate('never published');
  }
}

/**
 * Returns whether the cluster must have received the DISCONNECT: the home was not stopped, paused or changing
 * its state shortly before or after the arrival of the DISCONNECT.
 */
function isDisconnectKnown(history: History, record: ConnectionRecord): boolean {
  const { endedAtMs, disconnectHandledAtMs } = record;
  if (endedAtMs === null || disconnectHandledAtMs === null) return false;
  return !history.disturbances.some(
    ({ member, atMs }) =>
      member === record.host &&
      atMs > endedAtMs - disturbanceMs &&
      atMs < disconnectHandledAtMs + disturbanceMs,
  );
}
