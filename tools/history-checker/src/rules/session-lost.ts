import { never } from '../tables/clients.ts';
import type { RecordedConnection, Resumption, RecordedSession } from '../tables/clients.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Rule } from './rule.ts';

/**
 * Longest time by which a session may expire before its expiry interval ends, because the server's clock may
 * be ahead, ms.
 */
const expirySlackMs = 1_000;
const msPerSecond = 1_000;

/**
 * A session that the server acknowledged, and that has neither ended nor expired, is present on every server.
 * A session that has expired is not present.
 */
export const sessionLost: Rule = {
  name: 'session-lost',
  promise: 'P3',
  clause: 'MQTT-3.2.2-1, MQTT-3.2.2-2, MQTT-3.2.2-3',
  check: (analysis, report) => {
    for (const resumption of analysis.tables.sessions.resumptions) {
      const { connection } = resumption;
      const { clean, clientId, server } = connection.connect;
      const what = `${clientId} received CONNACK from ${server} at ${formatSeconds(connection.connectedAt)}`;
      if (clean) {
        report.checked();
        if (connection.sessionPresent)
          report.addViolation(() => `${what} with session present after a clean start`);
      } else if (isPromised(analysis, resumption)) {
        report.checked();
        if (!connection.sessionPresent) {
          report.addViolation(
            () => `${what} without session present, ${describe(resumption.former as RecordedSession)}`,
          );
        }
      } else if (connection.sessionPresent && isFirst(connection)) {
        report.checked();
        report.addViolation(() => `${what} with session present, although it had never connected before`);
      } else if (resumption.former && mustHaveExpired(analysis, connection, resumption.former)) {
        report.checked();
        if (connection.sessionPresent)
          report.addViolation(() => `${what} with session present, although the session must have expired`);
      }
    }
  },
};

/** Whether the former session must be present at this connection. */
function isPromised(analysis: Analysis, { connection, former, formerPromisedUntil }: Resumption): boolean {
  if (!former || formerPromisedUntil !== never) return false;
  const before = former.connections.filter((one) => one !== connection);
  const last = before.at(-1) ?? connection;
  // The client must have received a CONNACK of the session before it sent this CONNECT. Otherwise the
  // CONNECTs raced, and the server may have handled either one first.
  if (!former.connections.some(({ connectedSequence }) => connectedSequence < connection.sequence))
    return false;
  if (hasLateCleanStart(analysis, connection)) return false;
  const { expirySeconds } = last.connect;
  if (
    expirySeconds === null ||
    before.some((one) => one.how === null || one.closedAt > connection.connectedAt)
  ) {
    return expirySeconds !== 0;
  }
  return (
    connection.connectedAt < earliestCloseAt(analysis, last) + expirySeconds * msPerSecond - expirySlackMs
  );
}

/**
 * Longest time by which a session may expire after its expiry interval, because cluster time stops during an
 * election, ms. The
 * rule also allows twice the observed delay of other clients.
 */
const lateExpiryMs = 3_000;

/**
 * Whether the former session must have expired [MQTT5 3.1.2.11.2]: its home received the end of the
 * connection, no fault delayed the expiry, and the expiry interval has passed.
 */
function mustHaveExpired(
  { tables, lag }: Analysis,
  connection: RecordedConnection,
  former: RecordedSession,
): boolean {
  const { connect, client, sequence } = connection;
  const before = former.connections.filter((one) => one !== connection);
  const last = before.at(-1);
  if (last === undefined || before.some(({ how }) => how === null)) return false;
  // A CONNECT without an answer may have resumed the session.
  if (client.connections.some((one) => one.sequence > last.sequence && one.sequence < sequence)) return false;
  const { expirySeconds } = last.connect;
  const isNoticed = last.how === 'dropped' || last.how === 'disconnect';
  if (expirySeconds === null || !isNoticed) return false;
  if (tables.faults.disruptionOf(last.connect.server, last.closedAt, connect.at)) return false;
  if (tables.faults.disruptionOf(connect.server, connect.at, connect.at)) return false;
  const lagMs = lag.longest(last.closedAt, connect.at);
  return connect.at > last.closedAt + expirySeconds * msPerSecond + lateExpiryMs + 2 * lagMs;
}

/**
 * @returns the earliest time at which the cluster may have treated the connection as closed; if its server
 * was isolated, that time is before the close
 */
function earliestCloseAt(
  { tables }: Analysis,
  { connect, connectedAt, closedAt }: RecordedConnection,
): number {
  const disruption = tables.faults.disruptionOf(connect.server, connectedAt, closedAt);
  return disruption ? Math.max(connectedAt, disruption.fromMs) : closedAt;
}

/**
 * Whether a clean start without an answer may have ended the session late. An isolated server may handle such
 * a CONNECT at any later time.
 */
function hasLateCleanStart({ tables }: Analysis, connection: RecordedConnection): boolean {
  return connection.client.connections.some(
    ({ connect, connectedSequence, sequence }) =>
      connect.clean &&
      connectedSequence === never &&
      sequence < connection.connectedSequence &&
      tables.faults.disruptionOf(connect.server, connect.at, connection.connectedAt) !== null,
  );
}

/**
 * Whether no other CONNECT with this client id was sent before this CONNACK, so that no other CONNECT raced.
 */
function isFirst(connection: RecordedConnection): boolean {
  return connection.client.connections.every(
    (one) => one === connection || one.sequence > connection.connectedSequence,
  );
}

function lastOf(session: RecordedSession): RecordedConnection {
  return session.connections.at(-1) as RecordedConnection;
}

function describe(session: RecordedSession): string {
  const { connect, connectedAt, closedAt, how } = lastOf(session);
  const end = how === null ? 'still open' : `${how} at ${formatSeconds(closedAt)}`;
  return `although it had a session on ${connect.server} (connected ${formatSeconds(connectedAt)}, ${end})`;
}
