import { telemetryTopic } from '@mqtt-cluster/contracts';
import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { Server } from '@mqtt-cluster/failover-client';
import { z } from 'zod';
import { clientCountersSchema } from './tally.ts';

const intervalMs = 200;
const tellIntervalMs = 1_000;
/** More than the messages of a minute without a cluster. */
const unackedMax = 2_000;
const failoversToldMax = 20;
const signal = 'load';

/** Status of a publisher, one JSON line each. */
export const publisherStatusSchema = clientCountersSchema.extend({
  connected: z.boolean(),
  sent: z.int(),
  /** Messages that the client rejected: their numbers are missing at the subscribers. */
  refused: z.int(),
});
export type PublisherStatus = z.output<typeof publisherStatusSchema>;

export interface PublishingOptions {
  readonly id: string;
  readonly servers: readonly Server[];
  readonly log: (line: string) => void;
  /** Aborts the publisher; it waits for outstanding acknowledgements first. */
  readonly signal: AbortSignal;
}

/**
 * Publishes numbered telemetry of QoS 1 and 2 from one process that survives every broker. The number of an
 * acknowledged message that gets lost stays missing at every subscriber. (The appliance's own publisher continues after
 * a restart with the numbers that the cluster stores, which would hide such a loss.)
 */
export async function publishTelemetry({
  id,
  servers,
  log,
  signal: ended,
}: PublishingOptions): Promise<void> {
  const counts = { sent: 0, messages: 0, refused: 0 };
  const failovers: { from: string; to: string; at: string }[] = [];
  const client = createFailoverClient({
    servers,
    clientId: id,
    session: 'process',
    unackedMax,
    onFailover: ({ from, to }) => {
      failovers.push({ from, to, at: new Date().toISOString() });
      if (failovers.length > failoversToldMax) failovers.shift();
    },
  });
  const status = (): PublisherStatus => {
    const { connected, connects } = client.status();
    return { connected, connects, ...counts, failovers };
  };
  const run = String(Date.now());
  const numbers: [number, number, number] = [0, 0, 0];
  const publish = (qos: QoS): void => {
    // A number that can't be sent is not used: it would be missing.
    if (client.status().unacked >= unackedMax) return;
    const number = ++numbers[qos];
    const payload: TelemetryPayload = { group: id, signal, number, sentAt: Date.now(), value: number, run };
    counts.sent++;
    client.publish(telemetryTopic(id, signal, qos), JSON.stringify(payload), { qos }).then(
      () => counts.messages++,
      () => counts.refused++,
    );
  };
  await client.start();
  const publishing = setInterval(() => ([1, 2] as const).forEach(publish), intervalMs);
  const telling = setInterval(() => log(JSON.stringify(status())), tellIntervalMs);
  await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(publishing);
  clearInterval(telling);
  await client.stop();
  log(JSON.stringify(status()));
}
