import type { Analysis } from './analysis.ts';

/**
 * Whether the acknowledgement of a QoS 1 message may be a degraded acknowledgement. The target must allow
 * degraded acknowledgements (`degradedAcks`), and a fault must have been active or the machine starved. A
 * fault of any server is sufficient: while the servers elect a leader, a server without a fault may be
 * isolated, too. On a starved machine, and for some seconds after it, any server may be isolated.
 */
export function mayHaveDegradedAck(analysis: Analysis, message: number): boolean {
  const { messages, faults, header } = analysis.tables;
  if (!header.limits.degradedAcks || messages.qos(message) !== 1 || !messages.isAcked(message)) return false;
  const [sentAt, ackAt] = [messages.firstAt(message), messages.ackAt(message)];
  return faults.disruptionAnywhere(sentAt, ackAt) !== null || analysis.isIsolatedByLoad(sentAt, ackAt);
}

/**
 * Checks the exception of P1 for degraded acknowledgements: the only disk that held the message was wiped
 * before the message was replicated. A message that was delivered on another server had been replicated. A
 * server without a fault is isolated no longer than an election takes.
 * @returns a description of the exception; null if the exception does not apply to the message
 */
export function describeDegradedLoss(analysis: Analysis, message: number): string | null {
  const { messages, faults } = analysis.tables;
  if (!mayHaveDegradedAck(analysis, message) || analysis.reachedAnotherServer(message)) return null;
  const { server } = analysis.connection(messages.ackConnection(message)).connect;
  const ackAt = messages.ackAt(message);
  const disruption = faults.disruptionOf(server, ackAt, ackAt);
  const untilMs = Math.max(disruption?.toMs ?? 0, ackAt + faults.healMsMax);
  const isWiped = faults.wipes(server).some((wipedAt) => wipedAt >= ackAt && wipedAt <= untilMs);
  return isWiped ? `degraded loss (the disk of ${server} was wiped)` : null;
}
