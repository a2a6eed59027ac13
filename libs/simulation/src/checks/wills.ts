import type { ConnectionRecord, History, SessionRecord } from '../history/history.ts';

/**
 * After a member stops, pauses or loses its majority, the cluster orphans the member's sessions, or the
 * member becomes isolated, within this time.
 */
const disturbanceMs = 6_000;
/** Tolerance for the rates of the members' clocks, ms. */
const clockMs = 20;

/**
 * Checks P6 with the messages that a permanent subscriber received: at most one will per connection, no will
 * after a DISCONNECT, and one will for a client that died and never reconnected. Without faults, each
 * connection whose client connects again has one will, or none if the will has a delay and the session goes on.
 */
export function checkWills(history: History, watcher: string): void {
  const watching = history.sessions.filter(({ client }) => client === watcher);
  const seen = new Map<number, number>();
  for (const session of watching) countPublished(session, seen);
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
    // `AccessCheck` checks the wills of users: their rights change during the run.
    if (record.access !== null) continue;
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
    const expected = record.openedAtMs > watchedSinceMs ? expectedAtReturn(history, record) : null;
    if (expected !== null && times !== expected) {
      violate(`published ${times} times instead of ${expected} when the client connected again`);
    } else if (expected !== null) history.count(`wills expected at a return: ${expected}`);
  }
}

/**
 * Adds to `seen` how often each message was published, from the messages that arrived in a session. A message
 * of QoS 1 arrives again on a later connection if its acknowledgement was lost. It then has DUP=1 and its
 * original packet id [MQTT-4.4.0-1]. A second publication is another item of the queue, with a packet id of
 * its own.
 */
function countPublished({ arrivals }: SessionRecord, seen: Map<number, number>): void {
  const connections = new Map<string, number>();
  for (const { publication, connection, qos, packetId, dup } of arrivals) {
    const item = `${publication} ${packetId}`;
    const former = connections.get(item);
    connections.set(item, connection);
    const isRedelivery = qos === 1 && dup && former !== undefined && former !== connection;
    if (!isRedelivery) seen.set(publication, (seen.get(publication) ?? 0) + 1);
  }
}

/**
 * Returns how often the will must be published when its client has connected again without any fault, or null
 * if that cannot be determined.
 */
function expectedAtReturn(history: History, record: ConnectionRecord): 0 | 1 | null {
  const { calmPeriods, conformanceSinceMs } = history;
  const { will, connackAtMs, endedAtMs, end, closedByHome, endReason } = record;
  if (will === null || connackAtMs === null || connackAtMs < (conformanceSinceMs ?? Infinity)) return null;
  // The will of a clean session that an isolated member has opened is known to this member only (docs/DESIGN.md).
  if (record.connackIsolated) return null;
  const next = nextConnection(history, record);
  if (next === null || next.connackAtMs === null || endedAtMs === null) return null;
  const untilMs = next.connackAtMs;
  if (!calmPeriods.some(({ fromMs, toMs }) => fromMs <= connackAtMs && untilMs <= toMs)) return null;
  const isTakenOver = closedByHome && endReason === 'takenOver';
  // A connection whose end the home has detected before the next CONNECT is not taken over.
  if (end !== 'lost' && !isTakenOver) return null;
  const { delaySeconds } = will.will;
  if (delaySeconds === 0 || record.expirySeconds === 0 || next.clean) return 1;
  return untilMs < Math.min(endedAtMs, next.openedAtMs) + delaySeconds * 1_000 - clockMs ? 0 : null;
}

/**
 * Returns the connection that the cluster opened next for the same client, or null if there is no such
 * connection or the order is unknown. Of two connections that wait for CONNACK at the same time, either may be
 * opened first. If one of them has Clean Start, the order decides whether the session of a former connection
 * goes on.
 */
function nextConnection(history: History, record: ConnectionRecord): ConnectionRecord | null {
  const candidates = [...history.connections.values()].filter(
    (other) => other.client === record.client && other !== record && !isOpenedBefore(other, record),
  );
  const next = candidates.find((candidate) => isOpenedBefore(record, candidate));
  if (next === undefined) return null;
  return candidates.every((other) => other === next || isOpenedBefore(next, other)) ? next : null;
}

/**
 * Returns whether the cluster must have opened a connection before another one: the client had received the
 * CONNACK or the refusal, or had left long before.
 */
function isOpenedBefore(first: ConnectionRecord, second: ConnectionRecord): boolean {
  const { connackAtMs, endedAtMs, end } = first;
  if (connackAtMs !== null) return connackAtMs <= second.openedAtMs;
  if (endedAtMs === null) return false;
  return endedAtMs + (end === 'refused' ? 0 : disturbanceMs) <= second.openedAtMs;
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
