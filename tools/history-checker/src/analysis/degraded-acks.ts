import type { Analysis } from './analysis.ts';

/**
 * Whether QoS 1 may have been acknowledged without a majority: with `degradedAcks`, while any fault may be felt. (A server
 * that was not touched is isolated too while the others elect, and any may be on a starved machine.)
 */
export function mayBeDegraded({ tables, hostLoad }: Analysis, message: number): boolean {
  const { messages, faults, header } = tables;
  if (!header.limits.degradedAcks || messages.qos(message) !== 1 || !messages.isAcked(message)) return false;
  const [sentAt, ackAt] = [messages.firstAt(message), messages.ackAt(message)];
  return faults.disruptionAnywhere(sentAt, ackAt) !== null || hostLoad.isStarved(sentAt, ackAt);
}

/**
 * P1's second exception: the only disk that held a degraded ack was lost before it could be passed on. What anybody got
 * on another server was passed on; and a server that no fault touched was apart for an election at most.
 */
export function wipedAfterAck(analysis: Analysis, message: number): string | null {
  const { messages, faults } = analysis.tables;
  if (!mayBeDegraded(analysis, message) || analysis.reachedAnotherServer(message)) return null;
  const { server } = analysis.connection(messages.ackConnection(message)).connect;
  const ackAt = messages.ackAt(message);
  const disruption = faults.disruptionOf(server, ackAt, ackAt);
  const untilMs = Math.max(disruption?.toMs ?? 0, ackAt + faults.healMsMax);
  const isWiped = faults.wipes(server).some((wipedAt) => wipedAt >= ackAt && wipedAt <= untilMs);
  return isWiped ? `degraded loss (the disk of ${server} was wiped)` : null;
}
