import { never } from '../tables/clients.ts';
import type { Connection, Resumption, Session } from '../tables/clients.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Rule } from './rule.ts';

/** The server's clock may be ahead by this much. */
const expirySlackMs = 1_000;
const msPerSecond = 1_000;

/**
 * A session that was acknowledged, not ended and not expired is present again, on every server. A session that has
 * expired is not.
 */
export const sessionLost: Rule = {
  name: 'session-lost',
  promise: 'P3',
  clause: 'MQTT-3.2.2-1, MQTT-3.2.2-2, MQTT-3.2.2-3',
  check: (analysis, report) => {
    for (const resumption of analysis.tables.sessions.resumptions) {
      const { connection } = resumption;
      const { clean, clientId, server } = connection.connect;
      const what = `${clientId} received CONNACK from ${server} at ${seconds(connection.connectedAt)}`;
      if (clean) {
        report.checked();
        if (connection.sessionPresent)
          report.violate(() => `${what} with session present after a clean start`);
      } else if (isPromised(analysis, resumption)) {
        report.checked();
        if (!connection.sessionPresent) {
          report.violate(() => `${what} without session present, ${describe(resumption.former as Session)}`);
        }
      } else if (connection.sessionPresent && isFirst(connection)) {
        report.checked();
        report.violate(() => `${what} with session present, although it had never connected before`);
      } else if (resumption.former && mustHaveExpired(analysis, connection, resumption.former)) {
        report.checked();
        if (connection.sessionPresent)
          report.violate(() => `${what} with session present, although the session must have expired`);
      }
    }
  },
};

function isPromised(analysis: Analysis, { connection, former, formerPromisedUntil }: Resumption): boolean {
  if (!former || formerPromisedUntil !== never) return false;
  const before = former.connections.filter((one) => one !== connection);
  const last = before.at(-1) ?? connection;
  // A CONNACK of the session must have come before this CONNECT was sent: of two racing CONNECTs either may be first.
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
  return connection.connectedAt < goneAt(analysis, last) + expirySeconds * msPerSecond - expirySlackMs;
}

/**
 * Cluster time stops during an election: the expiry may be late by this much, and by twice the delay that others had.
 */
const lateExpiryMs = 3_000;

/** [MQTT5 3.1.2.11.2] The home received the end of the connection, and no fault delayed the expiry. */
function mustHaveExpired({ tables, lag }: Analysis, connection: Connection, former: Session): boolean {
  const { connect, client, sequence } = connection;
  const before = former.connections.filter((one) => one !== connection);
  const last = before.at(-1);
  if (last === undefined || before.some(({ how }) => how === null)) return false;
  // A CONNECT without an answer may have opened it again.
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
 * @returns the earliest time at which the cluster may have treated the connection as closed: before the client noticed,
 * if its server was isolated
 */
function goneAt({ tables }: Analysis, { connect, connectedAt, closedAt }: Connection): number {
  const disruption = tables.faults.disruptionOf(connect.server, connectedAt, closedAt);
  return disruption ? Math.max(connectedAt, disruption.fromMs) : closedAt;
}

/** A server may handle a clean start without an answer at any later time. */
function hasLateCleanStart({ tables }: Analysis, connection: Connection): boolean {
  return connection.client.connections.some(
    ({ connect, connectedSequence, sequence }) =>
      connect.clean &&
      connectedSequence === never &&
      sequence < connection.connectedSequence &&
      tables.faults.disruptionOf(connect.server, connect.at, connection.connectedAt) !== null,
  );
}

/** No other CONNECT with this client id was sent before this answer: of two that race either may be first. */
function isFirst(connection: Connection): boolean {
  return connection.client.connections.every(
    (one) => one === connection || one.sequence > connection.connectedSequence,
  );
}

function lastOf(session: Session): Connection {
  return session.connections.at(-1) as Connection;
}

function describe(session: Session): string {
  const { connect, connectedAt, closedAt, how } = lastOf(session);
  const end = how === null ? 'still open' : `${how} at ${seconds(closedAt)}`;
  return `although it had a session on ${connect.server} (connected ${seconds(connectedAt)}, ${end})`;
}
