import { never } from '../tables/clients.ts';
import type { Connection } from '../tables/clients.ts';
import { seconds } from './analysis.ts';
import type { Analysis } from './analysis.ts';

/** Who did not close the connection itself notices its end later than its server. */
const noticeMs = 1_000;
/** Two clocks of one machine, and times rounded to less than a millisecond. */
const clockMs = 50;
const msPerSecond = 1_000;

/** What must and may come of one connection's will. */
export interface WillExpectation {
  readonly timesMin: 0 | 1;
  readonly timesMax: 0 | 1;
  /** Why not more or not less. */
  readonly because: string;
  /** When it must have been published at the latest; Infinity if that can't be told. */
  readonly deadlineMs: number;
  /** What a busy machine may add to the deadline. */
  readonly allowanceMs: number;
  /** Before this time it is too early. */
  readonly notBeforeMs: number;
  /** From when on its client was back, on a server that was not apart: what is published later is too late (P6). */
  readonly backMs: number;
}

/**
 * [MQTT-3.1.2-8], [MQTT5 3.1.3.2.2]. A server that is apart from the others may count as dead, and its connections as gone,
 * before the client notices anything, so what happened there meanwhile is excused. Of a connection that was taken over without a delay
 * MQTT asks for the will, P6 does not (the client is back): both are allowed.
 */
export function expectedWill(analysis: Analysis, connection: Connection): WillExpectation {
  const { connect, closedAt, how, connectedSequence } = connection;
  const successor = takenOverBy(connection);
  const back = successor ?? nextOf(connection);
  const backMs = back && isKnownToAll(analysis, back) ? back.connectedAt : Infinity;
  const open = { deadlineMs: Infinity, allowanceMs: 0, notBeforeMs: connect.at, backMs };
  if (connectedSequence === never)
    return { ...open, timesMin: 0, timesMax: 1, because: 'it was never answered' };
  if (how === null) return { ...open, ...ofOpen(analysis, connection, successor) };
  if (how === 'disconnect') return { ...open, ...ofDisconnected(analysis, connection, successor) };
  const delayMs = delayOf(connection);
  const goneAt = goneAtEarliest(analysis, connection);
  const resumes = back !== undefined && !back.connect.clean && back.sessionPresent;
  if (resumes && back.connectedAt < goneAt + delayMs - clockMs) {
    const because = `its client was back at ${seconds(back.connectedAt)}, before the delay was over`;
    return { ...open, timesMin: 0, timesMax: 0, because };
  }
  if (successor) return { ...open, timesMin: 0, timesMax: 1, because: 'it was taken over' };
  // The end of the session ends the delay, too.
  const sessionEndMs = back !== undefined && !resumes ? back.connect.at : Infinity;
  const notBeforeMs = Math.min(goneAt + delayMs, sessionEndMs) - clockMs;
  const { deadlineMs, allowanceMs } = deadlineOf(analysis, connection, delayMs);
  const times = { backMs, deadlineMs, allowanceMs, notBeforeMs };
  const latestMs = deadlineMs + allowanceMs;
  if (back !== undefined && back.connect.at <= latestMs)
    return { ...times, timesMin: 0, timesMax: 1, because: 'its client came back' };
  if (wasOpenedApart(analysis, connection)) {
    return { ...times, timesMin: 0, timesMax: 1, because: 'its server was apart all the time' };
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
  if (successor ?? disruption) return { timesMin: 0, timesMax: 1, because: 'it may count as gone' };
  return { timesMin: 0, timesMax: 0, because: `its client is connected since ${seconds(connectedAt)}` };
}

function ofDisconnected(
  { tables }: Analysis,
  connection: Connection,
  successor: Connection | undefined,
): Times {
  const { connect, closedAt } = connection;
  const disruption = tables.faults.disruptionOf(connect.server, closedAt - noticeMs, closedAt + noticeMs);
  if (successor ?? disruption)
    return { timesMin: 0, timesMax: 1, because: 'it may have counted as gone before' };
  return { timesMin: 0, timesMax: 0, because: `its client had disconnected at ${seconds(closedAt)}` };
}

/** Not beyond the end of the session [MQTT-3.1.3-9]. */
function delayOf({ connect }: Connection): number {
  const delaySeconds = connect.will?.delaySeconds ?? 0;
  return Math.min(delaySeconds, connect.expirySeconds ?? Infinity) * msPerSecond;
}

/** The first that connected while this one was open. */
function takenOverBy(connection: Connection): Connection | undefined {
  return connection.client.connections.find(
    (other) => other.sequence > connection.sequence && other.sequence < connection.closedSequence,
  );
}

function nextOf(connection: Connection): Connection | undefined {
  return connection.client.connections.find((other) => other.sequence > connection.closedSequence);
}

/** When its server may have counted it as gone: at once where the client itself ended it, and no fault was felt. */
function goneAtEarliest(
  { tables, lag }: Analysis,
  { connect, connectedAt, closedAt, how }: Connection,
): number {
  const disruption = tables.faults.disruptionOf(connect.server, connectedAt, closedAt);
  if (disruption) return Math.min(closedAt, disruption.fromMs);
  return how === 'dropped' ? closedAt : closedAt - noticeMs - lag.longest(closedAt - noticeMs, closedAt);
}

/**
 * P6: at once where the home lives on and was told, else within the bound of a dead home. Without a majority nothing is
 * published, and delays stand still.
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

/** A clean session may be opened without a majority; then its server alone knows of it until the heal. */
function isKnownToAll({ tables }: Analysis, { connect, connectedAt }: Connection): boolean {
  const { faults, header } = tables;
  if (faults.disruptionOf(connect.server, connectedAt, connectedAt)) return false;
  if (!connect.clean || !header.limits.degradedAcks) return true;
  // Servers that no fault touches are without a leader, too, while they elect one.
  return faults.disruptionAnywhere(connectedAt, connectedAt) === null;
}

/** A connection that was opened without a majority is known to its server only, and may die with it. */
function wasOpenedApart({ tables }: Analysis, { connect, connectedAt, closedAt }: Connection): boolean {
  const disruption = tables.faults.disruptionOf(connect.server, connectedAt, connectedAt);
  return disruption !== null && closedAt <= disruption.toMs;
}
