import { telemetryTopic } from '@mqtt-cluster/contracts';
import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { Server } from '@mqtt-cluster/failover-client';
import type { ClientCounters } from './tally.ts';

const intervalMs = 200;
const tellIntervalMs = 1_000;
/** Above what a minute without a cluster leaves unacknowledged. */
const unackedMax = 2_000;
const failoversToldMax = 20;
const signal = 'load';

/** One line of what a publisher says. */
export interface PublisherStatus extends ClientCounters {
  readonly connected: boolean;
  readonly sent: number;
  /** For good: their numbers are missing then, and subscribers say so. */
  readonly refused: number;
}

export interface PublishingOptions {
  readonly id: string;
  readonly servers: readonly Server[];
  readonly tell: (line: string) => void;
  /** Ends it, after what is under way was acknowledged. */
  readonly signal: AbortSignal;
}

/**
 * Numbered telemetry of QoS 1 and 2 from one process that outlives every broker: a number that was acknowledged and lost stays
 * missing at every subscriber, which can't be said of a publisher that restarts and goes on with what the cluster remembers.
 */
export async function publishTelemetry({
  id,
  servers,
  tell,
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
    // A number that can't be sent must not be taken: it would be missing.
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
  const telling = setInterval(() => tell(JSON.stringify(status())), tellIntervalMs);
  await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(publishing);
  clearInterval(telling);
  await client.stop();
  tell(JSON.stringify(status()));
}
