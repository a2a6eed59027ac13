import { never } from '../tables/clients.ts';
import type { RecordedConnection } from '../tables/clients.ts';
import { formatSeconds } from './analysis.ts';
import type { Analysis } from './analysis.ts';

/**
 * Longest time from the end of a connection at the server until the client notices the end, ms. This bound
 * applies to clients that did not close the connection themselves.
 */
const noticeMs = 1_000;
/** Tolerance for the clocks of two processes of one machine, and for rounded times, ms. */
const clockMs = 50;
const msPerSecond = 1_000;
/**
 * On a machine with longer delays than this, a member may treat another member as unreachable for a moment,
 * and then discards the will of a client that connects again, ms.
 */
const busyMs = 200;
/** A client that its server has moved has no will if it connects again within this time, ms. */
const movedMs = 3_000;

/** Bounds for the publication of the will of one connection: how often and when the will may be published. */
export interface WillExpectation {
  /** Smallest number of publications of the will that the rule accepts. */
  readonly timesMin: 0 | 1;
  /** Largest number of publications of the will that the rule accepts. */
  readonly timesMax: 0 | 1;
  /** The reason for the bounds, as the end of a sentence in a finding. */
  readonly reason: string;
  /** Latest time of the publication; Infinity if that time can't be determined. */
  readonly deadlineMs: number;
  /** Delay that a busy machine may add to the deadline, ms. */
  readonly allowanceMs: number;
  /** Earliest time of the publication. */
  readonly notBeforeMs: number;
  /**
   * Time at which the client had reconnected to a server that was not isolated. A later publication is a
   * violation (P6). Infinity if the client did not reconnect.
   */
  readonly reconnectedMs: number;
}

/**
 * Returns the bounds for the will of a connection [MQTT-3.1.2-8] [MQTT5 3.1.3.2.2]. The other servers may
 * treat an isolated server as dead, and its connections as closed, before the server's clients notice the
 * fault. Wills that are published in that time are accepted. When the client connects again, MQTT requires the
 * will unless it has a delay and the session goes on. A target with the limit `willAtTakeover` must publish
 * it, if both servers had no fault. Otherwise the checker accepts one will or none.
 */
export function expectedWill(analysis: Analysis, connection: RecordedConnection): WillExpectation {
  const { connect, closedAt, how, connectedSequence } = connection;
  const successor = takenOverBy(connection);
  const back = successor ?? nextOf(connection);
  const reconnectedMs = back && isReplicated(analysis, back) ? back.connectedAt : Infinity;
  const open = { deadlineMs: Infinity, allowanceMs: 0, notBeforeMs: connect.at, reconnectedMs };
  if (connectedSequence === never)
    return { ...open, timesMin: 0, timesMax: 1, reason: 'its CONNECT was never answered' };
  if (how === null) return { ...open, ...timesIfOpen(analysis, connection, successor) };
  if (how === 'disconnect') return { ...open, ...timesIfDisconnected(analysis, connection, successor) };
  const delayMs = delayOf(connection);
  const closeAt = earliestCloseAt(analysis, connection);
  const resumes = back !== undefined && !back.connect.clean && back.sessionPresent;
  if (resumes && back.connectedAt < closeAt + delayMs - clockMs) {
    const reason = `its client had reconnected at ${formatSeconds(back.connectedAt)}, before the end of the will delay`;
    return { ...open, timesMin: 0, timesMax: 0, reason };
  }
  if (back !== undefined && wasMoved(analysis, connection, back))
    return { ...open, timesMin: 0, timesMax: 0, reason: 'its server had moved its client to another server' };
  const isRequired = back !== undefined && isRequiredAtReturn(analysis, connection, back);
  if (successor) {
    const reason = 'its connection was taken over';
    const deadlineMs = isRequired ? successor.connectedAt : Infinity;
    const allowanceMs = isRequired ? noticeMs : 0;
    return { ...open, deadlineMs, allowanceMs, timesMin: isRequired ? 1 : 0, timesMax: 1, reason };
  }
  // The end of the session also ends the will delay.
  const sessionEndMs = back !== undefined && !resumes ? back.connect.at : Infinity;
  const notBeforeMs = Math.min(closeAt + delayMs, sessionEndMs) - clockMs;
  const { deadlineMs, allowanceMs } = deadlineOf(analysis, connection, delayMs);
  const times = { reconnectedMs, deadlineMs, allowanceMs, notBeforeMs };
  const latestMs = deadlineMs + allowanceMs;
  if (back !== undefined && back.connect.at <= latestMs)
    return { ...times, timesMin: isRequired ? 1 : 0, timesMax: 1, reason: 'its client had reconnected' };
  if (wasOpenedIsolated(analysis, connection)) {
    return {
      ...times,
      timesMin: 0,
      timesMax: 1,
      reason: 'its server was isolated for the whole connection',
    };
  }
  const timesMin = latestMs < (analysis.tables.settledAt ?? -Infinity) ? 1 : 0;
  return { ...times, timesMin, timesMax: 1, reason: `${endTexts[how]} at ${formatSeconds(closedAt)}` };
}

/**
 * Whether the target must have published the will of a connection whose client has connected again: the will
 * has no delay or the session has ended, no fault affected the two servers, and the machine was not busy.
 */
function isRequiredAtReturn(
  analysis: Analysis,
  connection: RecordedConnection,
  back: RecordedConnection,
): boolean {
  const { settledAt, header } = analysis.tables;
  if (!header.limits.willAtTakeover || back.connectedSequence === never) return false;
  if (delayOf(connection) > 0 && !back.connect.clean) return false;
  if (back.connectedAt + noticeMs >= (settledAt ?? -Infinity)) return false;
  const fromMs = Math.min(connection.closedAt, back.connect.at) - noticeMs;
  return isUndisturbed(analysis, [connection, back], fromMs, back.connectedAt + noticeMs);
}

/** Whether the server closed the connection because it stopped, and the client connected again in time. */
function wasMoved(
  analysis: Analysis,
  { connect, closedAt, how }: RecordedConnection,
  back: RecordedConnection,
): boolean {
  const { faults, header } = analysis.tables;
  if (!header.limits.willAtTakeover || how !== 'server') return false;
  if (!faults.isStopping(connect.server, closedAt)) return false;
  const isInTime = back.connect.at >= closedAt && back.connectedAt < closedAt + movedMs;
  return isInTime && isUndisturbed(analysis, [back], closedAt - noticeMs, back.connectedAt + noticeMs);
}

function isUndisturbed(
  { tables, lag }: Analysis,
  connections: readonly RecordedConnection[],
  fromMs: number,
  toMs: number,
): boolean {
  const { faults } = tables;
  if (connections.some(({ connect }) => faults.disruptionOf(connect.server, fromMs, toMs))) return false;
  return lag.longest(fromMs, toMs) <= busyMs;
}

const endTexts = {
  dropped: 'its client had closed the connection without DISCONNECT',
  server: 'its server had closed the connection',
  lost: 'its connection had been lost',
} as const;

type Times = Pick<WillExpectation, 'timesMin' | 'timesMax' | 'reason'>;

function timesIfOpen(
  { tables }: Analysis,
  { connect, connectedAt }: RecordedConnection,
  successor: RecordedConnection | undefined,
): Times {
  const endAt = tables.endAt ?? Infinity;
  const disruption = tables.faults.disruptionOf(connect.server, endAt, endAt);
  if (successor ?? disruption)
    return { timesMin: 0, timesMax: 1, reason: 'other servers may treat the connection as closed' };
  return {
    timesMin: 0,
    timesMax: 0,
    reason: `its client has been connected since ${formatSeconds(connectedAt)}`,
  };
}

function timesIfDisconnected(
  { tables }: Analysis,
  connection: RecordedConnection,
  successor: RecordedConnection | undefined,
): Times {
  const { connect, closedAt } = connection;
  const disruption = tables.faults.disruptionOf(connect.server, closedAt - noticeMs, closedAt + noticeMs);
  if (successor ?? disruption)
    return {
      timesMin: 0,
      timesMax: 1,
      reason: 'other servers may have treated the connection as closed before the DISCONNECT',
    };
  return { timesMin: 0, timesMax: 0, reason: `its client had disconnected at ${formatSeconds(closedAt)}` };
}

/** @returns the will delay, ms; it ends with the session at the latest [5.0 MQTT-3.1.2-8] */
function delayOf({ connect }: RecordedConnection): number {
  const delaySeconds = connect.will?.delaySeconds ?? 0;
  return Math.min(delaySeconds, connect.expirySeconds ?? Infinity) * msPerSecond;
}

/** @returns the first connection of the same client that was opened while this connection was open */
function takenOverBy(connection: RecordedConnection): RecordedConnection | undefined {
  return connection.client.connections.find(
    (other) => other.sequence > connection.sequence && other.sequence < connection.closedSequence,
  );
}

function nextOf(connection: RecordedConnection): RecordedConnection | undefined {
  return connection.client.connections.find((other) => other.sequence > connection.closedSequence);
}

/**
 * @returns the earliest time at which the cluster may have treated the connection as closed; the time of the
 * close if the client closed the connection and no fault affected the server
 */
function earliestCloseAt(
  { tables, lag }: Analysis,
  { connect, connectedAt, closedAt, how }: RecordedConnection,
): number {
  const disruption = tables.faults.disruptionOf(connect.server, connectedAt, closedAt);
  if (disruption) return Math.min(closedAt, disruption.fromMs);
  return how === 'dropped' ? closedAt : closedAt - noticeMs - lag.longest(closedAt - noticeMs, closedAt);
}

/**
 * Returns the latest time for the publication of the will (P6). `willAtOnceMsMax` applies if the home serves
 * and received the end of the connection. Otherwise the bound for a dead home applies, `willMsMax`. While the
 * cluster has no majority, it publishes no will and will delays do not run. So the bound and the will delay
 * begin again when the majority is back.
 */
function deadlineOf(
  { tables, lag }: Analysis,
  { connect, closedAt, how }: RecordedConnection,
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

/**
 * Whether the other servers have the session of the connection. A server may open a clean session without a
 * majority; until the heal no other server has that session.
 */
function isReplicated({ tables }: Analysis, { connect, connectedAt }: RecordedConnection): boolean {
  const { faults, header } = tables;
  if (faults.disruptionOf(connect.server, connectedAt, connectedAt)) return false;
  if (!connect.clean || !header.limits.degradedAcks) return true;
  // During an election servers without a fault have no leader either.
  return faults.disruptionAnywhere(connectedAt, connectedAt) === null;
}

/**
 * Whether the connection was opened without a majority and ended before the heal. Only its server has the
 * will, so the will may be lost with that server.
 */
function wasOpenedIsolated(
  { tables }: Analysis,
  { connect, connectedAt, closedAt }: RecordedConnection,
): boolean {
  const disruption = tables.faults.disruptionOf(connect.server, connectedAt, connectedAt);
  return disruption !== null && closedAt <= disruption.toMs;
}
