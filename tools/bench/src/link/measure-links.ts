import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@mqtt-cluster/kit';
import type { BenchArguments } from '../arguments.ts';
import { runGenerator } from '../generator/child.ts';
import { RawClient } from '../generator/client.ts';
import type { Endpoint, LoadResult } from '../generator/load.ts';
import type { Processes } from '../processes.ts';
import { mosquitto } from '../targets/mosquitto.ts';
import { packetTypes, publishTemplate } from '../wire.ts';
import { connectors } from './linked-brokers.ts';
import type { Connector } from './linked-brokers.ts';

const qosLevelsDefault = [1, 2] as const;
const warmUpSeconds = 3;
/** Messages on their way at most: below the bounds of all queues. */
const undeliveredMax = 2_000;
/** Longest time until the link or the bridge passes its first message, ms. */
const passMsMax = 60_000;
/** Interval of the messages that are sent until one arrives, ms. */
const probeMs = 200;

export const directions = ['out', 'in'] as const;

/** One measurement: messages of one publisher on one side to one subscriber on the other side. */
export interface LinkMeasurement {
  readonly connector: Connector['name'];
  readonly direction: (typeof directions)[number];
  readonly qos: number;
  readonly run: number;
  readonly load: LoadResult;
}

export interface LinksResult {
  readonly members: number;
  readonly payloadBytes: number;
  readonly window: number;
  readonly seconds: number;
  readonly measurements: readonly LinkMeasurement[];
  /** One sentence for each measurement that failed. */
  readonly failures: readonly string[];
}

/** Measures the link and the bridge in turn, so that other load on the machine affects both alike. */
export async function measureLinks(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<LinksResult> {
  const { members, size: payloadBytes, window, seconds, runs } = given;
  const measurements: LinkMeasurement[] = [];
  const failures: string[] = [];
  const result = { members, payloadBytes, window, seconds, measurements, failures };
  const reason = mosquitto.unavailable();
  if (reason !== null) return { ...result, failures: [reason] };
  for (const qos of given.qos ?? qosLevelsDefault) {
    for (let run = 1; run <= runs; run++) {
      for (const connector of connectors) {
        for (const direction of directions) {
          const place = `${connector.name}, ${direction}, QoS ${qos}, run ${run}`;
          try {
            const load = await measure(processes, given, connector, direction, qos);
            measurements.push({ connector: connector.name, direction, qos, run, load });
            log(`${place}: ${load.deliveredPerSecond.toFixed(0)} messages/s`);
          } catch (error) {
            failures.push(`${place}: ${describeError(error)}`);
            log(`FAILED ${failures.at(-1)}`);
          }
        }
      }
    }
  }
  return result;
}

async function measure(
  processes: Processes,
  { members, size: payloadBytes, window, seconds }: BenchArguments,
  connector: Connector,
  direction: LinkMeasurement['direction'],
  qos: 0 | 1 | 2,
): Promise<LoadResult> {
  const used: string[] = [];
  const directory = (): string => {
    used.push(processes.directory());
    return used.at(-1)!;
  };
  try {
    const running = await connector.start(processes, directory, members);
    try {
      const { near, remote } = running;
      const [source, target] = direction === 'out' ? [near, remote] : [remote, near];
      await waitUntilPassing(source, target);
      const clients = { endpoints: [source, target], publishers: 1, subscribers: 1, clean: true };
      const load = { qos, payloadBytes, warmUpSeconds, seconds, rate: 0, window, undeliveredMax };
      return await runGenerator(processes, { ...clients, ...load, label: `${direction}-${qos}` });
    } finally {
      await processes.stop(running.processes);
    }
  } finally {
    for (const each of used) processes.removeDirectory(each);
  }
}

/** Waits until a message that is published at the source arrives at the target. @throws Error when none does in time */
async function waitUntilPassing(source: Endpoint, target: Endpoint): Promise<void> {
  let failure: Error | null = null;
  let hasArrived = false;
  const onFailure = (error: Error): void => void (failure ??= error);
  const subscriber = await RawClient.open(target, 'probe-subscriber', true, onFailure, (_client, first) => {
    if (first >> 4 === packetTypes.publish) hasArrived = true;
  });
  const publisher = await RawClient.open(source, 'probe-publisher', true, onFailure);
  try {
    await subscriber.subscribe('bench/probe', 0);
    const { bytes } = publishTemplate('bench/probe', 1, 16);
    const deadlineMs = performance.now() + passMsMax;
    while (!hasArrived) {
      if (failure !== null) throw failure as Error;
      if (performance.now() > deadlineMs) throw new Error(`no message arrived in ${passMsMax / 1_000} s`);
      publisher.socket.write(bytes);
      await delay(probeMs);
    }
  } finally {
    subscriber.close();
    publisher.close();
  }
}
