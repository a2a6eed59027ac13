import type { Connection } from '../tables/clients.ts';
import { isShared } from '../tables/filters.ts';
import type { Analysis } from './analysis.ts';
import { RetainedWrites } from './retained-writes.ts';

export const retainedMsMaxDefault = 2_000;

export interface RetainedObservation {
  readonly connection: Connection;
  readonly atMs: number;
  /** The message that came as retained. */
  readonly message: number;
  /** The write that must have replaced it before the subscription was sent; null if there is none. */
  readonly replacer: number | null;
}

/**
 * What new subscriptions were shown as retained on servers that were not apart from the others, against what had been
 * acknowledged longer than P5's bound before the subscription was sent.
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
    // The earliest it can belong to; one of an earlier connection may have been waiting in a queue.
    const asked = analysis
      .matcher(session)(messages.topic(message))
      .find((one) => one.sequence < deliveries.sequence(row) && !isShared(one.filter));
    if (!asked || asked.connection !== connection) continue;
    if (faults.disruptionOf(connect.server, asked.at - boundMs, deliveries.at(row))) continue;
    yield {
      connection,
      atMs: deliveries.at(row),
      message,
      replacer: writes.replacer(
        message,
        asked.at - boundMs - analysis.lag.longest(asked.at - boundMs, asked.at),
      ),
    };
  }
}
