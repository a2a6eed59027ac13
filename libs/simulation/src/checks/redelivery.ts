import type { ConnectionId } from '@mqtt-cluster/contracts';
import type { ConnectionRecord, History, PublicationSend } from '../history/history.ts';
import { describePublication } from './delivery.ts';
import { isShared } from './topic-filter.ts';

/** Time until the cluster has applied what a home proposed at the end of a connection. */
const endAppliedMsMax = 1_500;
/** Time around the end of a connection in which a fault may keep its home from reporting what it has sent. */
const disturbanceMs = 4_000;

/** The messages that the homes of one session have sent, and its newest connection. */
interface SentMessages {
  connection: ConnectionId;
  readonly byPublication: Map<number, PublicationSend>;
}

/**
 * Checks the messages that homes send to persistent sessions, whether or not they reach the client. A message
 * that a former home has sent has its original packet id and DUP=1 [MQTT-4.4.0-1]. A message that no home has
 * sent has DUP=0, unless the former home could not report what it has sent [MQTT-3.3.1-1].
 */
export function checkRedelivery(history: History): void {
  const sharing = new Set(
    history.sessions
      .filter(({ subscriptions }) => subscriptions.some(({ subscription }) => isShared(subscription.filter)))
      .map(({ client }) => client),
  );
  const simultaneous = simultaneousConnections(history);
  const sessions = new Map<string, SentMessages>();
  for (const send of history.sends) {
    const record = history.connections.get(send.connection);
    // A message may be in the queue of a session twice: for the group, and for the session.
    if (record === undefined || sharing.has(record.client)) continue;
    const session = currentSession(sessions, record);
    if (session === null) continue;
    const sent = session.byPublication.get(send.publication);
    if (isChecked(history, send) && !simultaneous.has(send.connection)) {
      if (sent !== undefined && sent.connection !== send.connection) checkRepeat(history, record, sent, send);
      if (sent === undefined && send.dup) checkFirst(history, record, send);
    }
    session.byPublication.set(send.publication, send);
  }
}

/**
 * Returns the connections that a client opened while another one of its connections waited for CONNACK. The log
 * decides which of them is the newest one, so their numbers do not show the order of their homes.
 */
function simultaneousConnections({ connections }: History): ReadonlySet<ConnectionId> {
  const waiting = new Map<string, ConnectionRecord[]>();
  const simultaneous = new Set<ConnectionId>();
  for (const record of connections.values()) {
    const earlier = (waiting.get(record.client) ?? []).filter(
      ({ connackAtMs, endedAtMs }) => (connackAtMs ?? endedAtMs ?? Infinity) >= record.openedAtMs,
    );
    for (const { id } of earlier) simultaneous.add(id).add(record.id);
    waiting.set(record.client, [...earlier, record]);
  }
  return simultaneous;
}

/** Returns the session of a connection, or null for a connection that another connection has replaced. */
function currentSession(sessions: Map<string, SentMessages>, record: ConnectionRecord): SentMessages | null {
  const known = sessions.get(record.client);
  if (known !== undefined && known.connection > record.id) return null;
  if (known?.connection === record.id) return known;
  if (known !== undefined && record.sessionPresent === true) {
    known.connection = record.id;
    return known;
  }
  const session: SentMessages = { connection: record.id, byPublication: new Map() };
  sessions.set(record.client, session);
  return session;
}

/**
 * Returns whether one item of the replicated queue holds the message. A message that was published twice, that
 * is retained, or that an isolated home accepted may be sent outside the queue as well.
 */
function isChecked(history: History, { publication: id }: PublicationSend): boolean {
  const publication = history.publications[id];
  return (
    publication !== undefined &&
    publication.connections.length === 1 &&
    publication.qos > 0 &&
    publication.ackedAtMs !== null &&
    !publication.retain &&
    !publication.ackedDegraded
  );
}

function checkRepeat(
  history: History,
  record: ConnectionRecord,
  sent: PublicationSend,
  send: PublicationSend,
): void {
  if (send.dup) history.mark('redelivered-with-dup');
  if (send.dup && send.packetId === sent.packetId) return;
  violate(
    history,
    record,
    send,
    `packet id ${send.packetId}, DUP=${Number(send.dup)} on ${send.connection}, ` +
      `after packet id ${sent.packetId} on ${sent.connection}`,
  );
}

function checkFirst(history: History, record: ConnectionRecord, send: PublicationSend): void {
  const former = formerConnections(history, record);
  if (former.length === 0) return;
  const sentAtMs = history.publications[send.publication]?.sentAtMs ?? 0;
  let next = record;
  for (const each of former) {
    // A connection that ended before the message was published did not send it.
    if (sentAtMs > (next.connackAtMs ?? Infinity)) break;
    if (mayLackReport(history, each, next)) return;
    next = each;
  }
  violate(history, record, send, `DUP=1 on ${send.connection}, although no home had sent it`);
}

/**
 * Returns the connections before this one that the cluster may have opened for the same session, the newest one first.
 * A home that installs a snapshot refuses connections that the cluster has already opened, and cannot report what
 * it sent to them.
 */
function formerConnections(history: History, record: ConnectionRecord): ConnectionRecord[] {
  const opened = [...history.connections.values()].filter(
    ({ client, id, end, endReason }) =>
      client === record.client && id < record.id && (end !== 'refused' || endReason === 'snapshotInstalled'),
  );
  const first = opened.findLastIndex(({ sessionPresent }) => sessionPresent === false);
  return opened.slice(Math.max(0, first)).reverse();
}

/** Returns whether the home of the former connection may not have reported in time which messages it sent. */
function mayLackReport(history: History, former: ConnectionRecord, record: ConnectionRecord): boolean {
  const { endHandledAtMs, sessionPresent } = former;
  const sinceMs = history.conformanceSinceMs;
  if (endHandledAtMs === null || sessionPresent === null || sinceMs === null || former.openedAtMs < sinceMs)
    return true;
  if (record.openedAtMs < endHandledAtMs + endAppliedMsMax || former.closedByHome) return true;
  return history.disturbances.some(
    ({ atMs }) => atMs > endHandledAtMs - disturbanceMs && atMs < record.openedAtMs + disturbanceMs,
  );
}

function violate(history: History, record: ConnectionRecord, send: PublicationSend, what: string): void {
  const publication = history.publications[send.publication];
  if (publication === undefined) return;
  history.reportViolation({
    promise: 'redelivery',
    client: record.client,
    publication: send.publication,
    text: `${record.host} sent ${describePublication(publication)} to ${record.client} with ${what}`,
  });
}
