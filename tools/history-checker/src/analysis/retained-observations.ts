import type { Connection } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import type { Analysis } from './analysis.ts';
import { RetainedWrites } from './retained-writes.ts';

export const retainedMsMaxDefault = 2_000;

export interface RetainedObservation {
  readonly connection: Connection;
  readonly atMs: number;
  /** The message that was delivered as retained. */
  readonly message: number;
  /** The write that must have replaced it before SUBSCRIBE was sent; null if there is none. */
  readonly replacement: number | null;
}

/**
 * The retained messages that new subscriptions received on servers that were not isolated, and the write that had
 * certainly replaced each of them longer than P5's bound before SUBSCRIBE was sent.
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
    // The earliest subscription that it can belong to. A message for a subscription of an earlier connection may have
    // waited in a queue.
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
