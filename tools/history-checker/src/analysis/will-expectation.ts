import { never } from '../tables/clients.ts';
import type { Connection } from '../tables/clients.ts';
import { seconds } from './analysis.ts';
import type { Analysis } from './analysis.ts';

/** A client that did not close the connection itself notices its end up to this much later than its server. */
const noticeMs = 1_000;
/** Tolerance for two clocks of one machine, and for times that are rounded to less than a millisecond. */
const clockMs = 50;
const msPerSecond = 1_000;

/** How often and when the will of one connection may be published. */
export interface WillExpectation {
  readonly timesMin: 0 | 1;
  readonly timesMax: 0 | 1;
  /** The reason for the bounds, for a finding. */
  readonly because: string;
  /** Latest time of the publication; Infinity if it can't be determined. */
  readonly deadlineMs: number;
  /** Delay that a busy machine may add to the deadline, ms. */
  readonly allowanceMs: number;
  /** Earliest time of the publication. */
  readonly notBeforeMs: number;
  /**
   * Time at which the client had reconnected to a server that was not isolated: a later publication is a violation
   * (P6).
   */
  readonly backMs: number;
}

/**
 * [MQTT-3.1.2-8], [MQTT5 3.1.3.2.2]. The other servers may treat an isolated server as dead, and its connections as
 * closed, before its clients notice anything; wills of that time are excused. For a connection that was taken over,
 * MQTT requires the will if it has no delay, and P6 does not, because the client is connected: both are accepted.
 */
export function expectedWill(analysis: Analysis, connection: Connection): WillExpectation {
  const { connect, closedAt, how, connectedSequence } = connection;
  const successor = takenOverBy(connection);
  const back = successor ?? nextOf(connection);
  const backMs = back && isReplicated(analysis, back) ? back.connectedAt : Infinity;
  const open = { deadlineMs: Infinity, allowanceMs: 0, notBeforeMs: connect.at, backMs };
  if (connectedSequence === never)
    return { ...open, timesMin: 0, timesMax: 1, because: 'its CONNECT was never answered' };
  if (how === null) return { ...open, ...ofOpen(analysis, connection, successor) };
  if (how === 'disconnect') return { ...open, ...ofDisconnected(analysis, connection, successor) };
  const delayMs = delayOf(connection);
  const goneAt = goneAtEarliest(analysis, connection);
  const resumes = back !== undefined && !back.connect.clean && back.sessionPresent;
  if (resumes && back.connectedAt < goneAt + delayMs - clockMs) {
    const because = `its client had reconnected at ${seconds(back.connectedAt)}, before the end of the will delay`;
    return { ...open, timesMin: 0, timesMax: 0, because };
  }
  if (successor) return { ...open, timesMin: 0, timesMax: 1, because: 'it was taken over' };
  // The end of the session also ends the will delay.
  const sessionEndMs = back !== undefined && !resumes ? back.connect.at : Infinity;
  const notBeforeMs = Math.min(goneAt + delayMs, sessionEndMs) - clockMs;
  const { deadlineMs, allowanceMs } = deadlineOf(analysis, connection, delayMs);
  const times = { backMs, deadlineMs, allowanceMs, notBeforeMs };
  const latestMs = deadlineMs + allowanceMs;
  if (back !== undefined && back.connect.at <= latestMs)
    return { ...times, timesMin: 0, timesMax: 1, because: 'its client came back' };
  if (wasOpenedIsolated(analysis, connection)) {
    return { ...times, timesMin: 0, timesMax: 1, because: 'its server was isolated all the time' };
  }
  const timesMin = latestMs < (analysis.tables.settledAt ?? -Infinity) ? 1 : 0;
  return { ...times, timesMin, timesMax: 1, because: `its client had ${how} at ${seconds(closedAt)}` };
}

type Times = Pick<WillExpectation, 'timesMin' | 'timesMax' | 'because'>;

function ofOpen(
  { tables }: Analysis,
  { connect, connectedAt }: Connection,
  successor: Connection | undefined,
): Times {
  const endAt = tables.endAt ?? Infinity;
  const disruption = tables.faults.disruptionOf(connect.server, endAt, endAt);
  if (successor ?? disruption)
    return { timesMin: 0, timesMax: 1, because: 'other servers may treat it as closed' };
  return { timesMin: 0, timesMax: 0, because: `its client has been connected since ${seconds(connectedAt)}` };
}

function ofDisconnected(
  { tables }: Analysis,
  connection: Connection,
  successor: Connection | undefined,
): Times {
  const { connect, closedAt } = connection;
  const disruption = tables.faults.disruptionOf(connect.server, closedAt - noticeMs, closedAt + noticeMs);
  if (successor ?? disruption)
    return { timesMin: 0, timesMax: 1, because: 'other servers may have treated it as closed before' };
  return { timesMin: 0, timesMax: 0, because: `its client had disconnected at ${seconds(closedAt)}` };
}

/** The delay ends with the session at the latest [MQTT-3.1.3-9]. */
function delayOf({ connect }: Connection): number {
  const delaySeconds = connect.will?.delaySeconds ?? 0;
  return Math.min(delaySeconds, connect.expirySeconds ?? Infinity) * msPerSecond;
}

/** @returns the first connection of the client that was opened while this one was open */
function takenOverBy(connection: Connection): Connection | undefined {
  return connection.client.connections.find(
    (other) => other.sequence > connection.sequence && other.sequence < connection.closedSequence,
  );
}

function nextOf(connection: Connection): Connection | undefined {
  return connection.client.connections.find((other) => other.sequence > connection.closedSequence);
}

/**
 * @returns the earliest time at which the server may have treated the connection as closed: at once when the client
 * closed it and no fault affected the server
 */
function goneAtEarliest(
  { tables, lag }: Analysis,
  { connect, connectedAt, closedAt, how }: Connection,
): number {
  const disruption = tables.faults.disruptionOf(connect.server, connectedAt, closedAt);
  if (disruption) return Math.min(closedAt, disruption.fromMs);
  return how === 'dropped' ? closedAt : closedAt - noticeMs - lag.longest(closedAt - noticeMs, closedAt);
}

/**
 * P6: at once when the home serves and received the end of the connection, else within the bound for a dead home.
 * Without a majority no will is published, and delays don't run.
 */
function deadlineOf(
  { tables, lag }: Analysis,
  { connect, closedAt, how }: Connection,
  delayMs: number,
): { deadlineMs: number; allowanceMs: number } {
  const { willMsMax, willAtOnceMsMax = willMsMax } = tables.header.limits;
  const atOnceMs = closedAt + delayMs + willAtOnceMsMax;
  const isAtOnce = how === 'dropped' && !tables.faults.disruptionOf(connect.server, closedAt, atOnceMs);
  let deadlineMs = isAtOnce ? atOnceMs : closedAt + delayMs + willMsMax;
  for (const { fromMs, toMs } of tables.faults.withoutMajority()) {
    if (fromMs <= deadlineMs && toMs > closedAt)
      deadlineMs = Math.max(deadlineMs, toMs + delayMs + willMsMax);
  }
  return { deadlineMs, allowanceMs: lag.longest(closedAt, deadlineMs) };
}

/** A clean session may be opened without a majority; only its server then has it until the heal. */
function isReplicated({ tables }: Analysis, { connect, connectedAt }: Connection): boolean {
  const { faults, header } = tables;
  if (faults.disruptionOf(connect.server, connectedAt, connectedAt)) return false;
  if (!connect.clean || !header.limits.degradedAcks) return true;
  // Servers without a fault have no leader either while they elect one.
  return faults.disruptionAnywhere(connectedAt, connectedAt) === null;
}

/** Only its server has a connection that was opened without a majority; its will may be lost with that server. */
function wasOpenedIsolated({ tables }: Analysis, { connect, connectedAt, closedAt }: Connection): boolean {
  const disruption = tables.faults.disruptionOf(connect.server, connectedAt, connectedAt);
  return disruption !== null && closedAt <= disruption.toMs;
}
