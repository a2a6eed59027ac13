import { telemetryTopic } from '@mqtt-cluster/contracts';
import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { Server } from '@mqtt-cluster/failover-client';
import { z } from 'zod';
import { clientCountersSchema } from './tally.ts';

const intervalMs = 200;
const statusIntervalMs = 1_000;
/**
 * Largest number of unacknowledged messages of a publisher. It exceeds the number of messages that a publisher sends in one
 * minute.
 */
const unackedMax = 2_000;
const reportedFailoversMax = 20;
const signal = 'load';

/** Status of a publisher, which it prints as one line of JSON. */
export const publisherStatusSchema = clientCountersSchema.extend({
  connected: z.boolean(),
  sent: z.int(),
  /** The last number of QoS 1 and that of QoS 2. */
  numbers: z.tuple([z.int(), z.int()]),
  /** Number of messages that failover-client rejected. Subscribers report the numbers of these messages as missing. */
  refused: z.int(),
});
export type PublisherStatus = z.output<typeof publisherStatusSchema>;

export interface PublishingOptions {
  readonly id: string;
  readonly servers: readonly Server[];
  readonly log: (line: string) => void;
  /** Signal that stops the publisher. Before it stops, the publisher waits for outstanding acknowledgements. */
  readonly signal: AbortSignal;
}

/**
 * Publishes numbered telemetry of QoS 1 and 2 until the signal is aborted. The publisher keeps its numbers
 * when a broker fails, so each lost message is missing at every subscriber. (The appliance's publisher
 * continues after a restart with the numbers that the cluster stores, which would hide such a loss.)
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
      if (failovers.length > reportedFailoversMax) failovers.shift();
    },
  });
  const run = String(Date.now());
  const numbers: [number, number, number] = [0, 0, 0];
  const status = (): PublisherStatus => {
    const { connected, connects } = client.status();
    return { connected, connects, ...counts, numbers: [numbers[1], numbers[2]], failovers };
  };
  const publish = (qos: QoS): void => {
    // A message number is used only if the message can be sent. Otherwise the number would be missing at the subscribers.
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
  const reporting = setInterval(() => log(JSON.stringify(status())), statusIntervalMs);
  await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(publishing);
  clearInterval(reporting);
  await client.stop();
  log(JSON.stringify(status()));
}
