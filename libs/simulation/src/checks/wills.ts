import type { ConnectionRecord, History } from '../history/history.ts';

/** A member is given up after this at the latest, and finds itself isolated no later. */
const troubleMs = 6_000;

/**
 * P6, by what a subscriber saw that has been there all the time: at most one will per connection, none after a
 * DISCONNECT, and one for a client that died and never came back.
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
      history.violate({
        promise: 'P6',
        client: record.client,
        publication: record.will?.publication ?? 0,
        text: text(what),
      });
    if (times > 1) violate(`published ${times} times`);
    if (times > 0 && wasHeard(history, record)) violate('published after a DISCONNECT');
    if (times > 0 && record.end === 'open') violate('published though its client is connected');
    // The watcher may itself have come later.
    const watched = record.endedAtMs !== null && record.endedAtMs > watchedSinceMs;
    // A home that closes a client for reasons of its own can't tell whether it has just died unnoticed.
    const died =
      record.end === 'lost' && !record.closedByHome && record.connackAtMs !== null && !record.connackIsolated;
    if (died && watched && times === 0 && lastOf.get(record.client) === record) violate('never published');
  }
}

/** Whether the cluster must know of the DISCONNECT: its home was well when it came, and long enough after. */
function wasHeard(history: History, record: ConnectionRecord): boolean {
  const { endedAtMs, disconnectHandledAtMs } = record;
  if (endedAtMs === null || disconnectHandledAtMs === null) return false;
  return !history.troubles.some(
    ({ member, atMs }) =>
      member === record.host && atMs > endedAtMs - troubleMs && atMs < disconnectHandledAtMs + troubleMs,
  );
}
