import type { IConnectPacket } from 'mqtt-packet';
import type { Logger } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { brokerMetrics, noMetrics } from '@mqtt-cluster/metric-catalogue';
import { connectPacket, RawClient } from '../support/driver.ts';
import type { BrokerTarget } from '../support/driver.ts';

/** Opens a connection from an address, through the admission of the broker. */
export function openFrom(target: BrokerTarget, address: string, version: 3 | 4 | 5 = 4): RawClient {
  return new RawClient(target.stream(address), version);
}

/** Connects from an address, and waits for CONNACK. */
export async function connectFrom(
  target: BrokerTarget,
  address: string,
  clientId: string,
  options: Partial<IConnectPacket> = {},
): Promise<RawClient> {
  const client = openFrom(target, address, options.protocolVersion ?? 4);
  client.send(connectPacket(clientId, options));
  await client.next('connack');
  return client;
}

/** A CONNECT or PUBLISH with this remaining length, and its first `sent` bytes. */
export function unfinishedPacket(first: number, length: number, sent: number): Buffer {
  const packet = Buffer.alloc(4 + sent);
  packet.set([first, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]);
  return packet;
}

/** Metrics that remember the highest value of each buffer of the connections. */
export function bufferMetrics(): {
  readonly metrics: Metrics;
  readonly most: Map<string, number>;
  /** Number of values that were set. */
  readonly sets: () => number;
} {
  let sets = 0;
  const most = new Map<string, number>();
  const set: Metrics['set'] = (metric, labels, value) => {
    sets++;
    if (metric === brokerMetrics.bufferBytes)
      most.set(labels[0]!, Math.max(most.get(labels[0]!) ?? 0, value));
  };
  return { metrics: { ...noMetrics, set }, most, sets: () => sets };
}

export interface LogLine {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export function recordingLogger(): { readonly logger: Logger; readonly warnings: LogLine[] } {
  const warnings: LogLine[] = [];
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields, text) => warnings.push({ fields: { ...fields }, text }),
    error: () => undefined,
    child: () => logger,
  };
  return { logger, warnings };
}
