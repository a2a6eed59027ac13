import type { PendingCommand } from './pending-command.ts';

/**
 * Returns true while the publisher is connected and can receive the degraded acknowledgement. A disconnected
 * publisher may have published this and newer messages elsewhere. The cluster then treats a retained message
 * as published when the home received it.
 */
export function canBeAnswered({ request }: PendingCommand): boolean {
  return request?.kind !== 'publish' || request.connection.phase === 'open';
}

/**
 * Makes the `open` of a disconnected client conditional, so that it takes over no newer connection.
 * @returns whether the command has changed
 */
export function markIfAbandoned(pending: PendingCommand, isolated: boolean): boolean {
  const { command, request } = pending;
  if (command.kind !== 'open' || command.adopt || request?.kind !== 'open') return false;
  if (request.connection.phase !== 'gone') return false;
  // The packets of a client that has left before its CONNACK are handled only if its session opens. Without a
  // majority the client may already be connected to another member when the `open` is applied.
  if (request.connection.deferred.length > 0 && !isolated) return false;
  pending.command = { ...command, adopt: true };
  return true;
}

/**
 * Makes a delayed retained publish of a disconnected client conditional: the client may have published it again
 * elsewhere, deleted the topic and ended its session, so the state cannot see that the copy is late (P5). The
 * publish then counts as of the time when the home received it. QoS 2 needs no condition, because members ignore
 * a publish of an ended session.
 *
 * @param delayedMs commands that the home received until this time are delayed
 * @returns whether the command has changed
 */
export function markIfLate(pending: PendingCommand, delayedMs: number): boolean {
  const { command, request, receivedMs, receivedIndex } = pending;
  if (command.kind !== 'publish' || request?.kind !== 'publish' || receivedMs > delayedMs) return false;
  const { message, isolatedSince } = command;
  if (!message.retain || message.qos === 2 || isolatedSince !== undefined) return false;
  if (request.connection.phase !== 'gone') return false;
  pending.command = { ...command, isolatedSince: receivedIndex };
  return true;
}
