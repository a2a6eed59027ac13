import type { Message } from '@mqtt-cluster/contracts';

/**
 * Returns the remaining Message Expiry Interval in seconds, or null if the message does not expire; 0 or less: the message
 * has expired. It is never longer than the interval of the publisher [MQTT-3.3.2-6], although a new leader can move this
 * member's estimate of cluster time back.
 */
export function remainingExpirySeconds(
  { expiresAt, properties }: Pick<Message, 'expiresAt' | 'properties'>,
  nowMs: number,
): number | null {
  if (expiresAt === undefined) return null;
  return Math.min(properties?.messageExpiryInterval ?? Infinity, Math.ceil((expiresAt - nowMs) / 1_000));
}
