import type { RecordedConnection } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import type { Analysis } from './analysis.ts';
import { RetainedWrites } from './retained-writes.ts';

/**
 * Default of the limit `retainedMsMax`: the longest time from the acknowledgement of a retained message until
 * all servers send it, ms (P5).
 */
export const retainedMsMaxDefault = 2_000;

/** A retained message that a new subscription received. */
export interface RetainedObservation {
  readonly connection: RecordedConnection;
  readonly atMs: number;
  /** Row of the message that was delivered as retained. */
  readonly message: number;
  /**
   * Row of a write that must have replaced the message before SUBSCRIBE was sent; null if there is no such
   * write.
   */
  readonly replacement: number | null;
}

/**
 * Yields the retained messages that new subscriptions received on servers that were not isolated. Each
 * observation also contains a write that must have replaced the message more than P5's bound before SUBSCRIBE
 * was sent. `replacement` is null if the history contains no such write.
 */
export function* retainedObservations(analysis: Analysis): Generator<RetainedObservation> {
  const { deliveries, messages, header, faults } = analysis.tables;
  const boundMs = header.limits.retainedMsMax ?? retainedMsMaxDefault;
  const writes = new RetainedWrites(analysis);
  for (let row = 0; row < deliveries.count; row++) {
    if (!deliveries.isRetained(row) || deliveries.isDup(row)) continue;
    const message = deliveries.message(row);
    const connection = analysis.connection(deliveries.connection(row));
    const { session, connect } = connection;
    if (!session || !messages.isRetained(message)) continue;
    // The earliest subscription to which the delivery can belong. If that subscription is from an earlier
    // connection, the message may have waited in a queue, so it is not judged.
    const subscription = analysis
      .matcher(session)(messages.topic(message))
      .find((one) => one.sequence < deliveries.sequence(row) && !isShared(one.filter));
    if (!subscription || subscription.connection !== connection) continue;
    if (faults.disruptionOf(connect.server, subscription.at - boundMs, deliveries.at(row))) continue;
    yield {
      connection,
      atMs: deliveries.at(row),
      message,
      replacement: writes.replacementOf(
        message,
        subscription.at - boundMs - analysis.lag.longest(subscription.at - boundMs, subscription.at),
      ),
    };
  }
}
