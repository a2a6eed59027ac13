import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabLoad } from '@mqtt-cluster/lab';
import type { LoadVerdict } from '@mqtt-cluster/lab';
import type { MonitoredLab } from './monitored-lab.ts';
import { waitUntil } from './wait-until.ts';

/** Messages per second for each QoS. */
const rate = 60;
const seed = 1;
const scrapedMsMax = 60_000;

/** A count of packets that the clients of the load and the members determine independently. */
export interface CountPair {
  /** The counted packets, for example `QoS 1 acks`. */
  readonly what: string;
  readonly lab: number;
  readonly prometheus: number;
}

export interface CountFindings {
  readonly verdict: LoadVerdict;
  readonly pairs: readonly CountPair[];
  /**
   * Number of broken connections. A member also counts a packet that it sent on a connection that broke before the client
   * received the packet. With broken connections the members may count more than the clients; otherwise the counts are
   * equal.
   */
  readonly reconnects: number;
}

/** Returns one line for each mismatch between Prometheus and the lab; empty when they agree. */
export function countMismatches({ pairs, reconnects, verdict }: CountFindings): string[] {
  const wrong = pairs.filter(({ lab, prometheus }) =>
    reconnects === 0 ? lab !== prometheus : prometheus < lab,
  );
  return [
    ...wrong.map(({ what, lab, prometheus }) => `${what}: the lab counts ${lab}, Prometheus ${prometheus}`),
    ...verdict.reasons,
  ];
}

/**
 * Runs the verifying load of the lab on a cluster without other clients, and returns the packet counts of the
 * lab's clients and of Prometheus. No member may restart during the load, because its counters would start at 0.
 */
export async function measureCounts({ api, cluster }: MonitoredLab, loadMs: number): Promise<CountFindings> {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-counts-'));
  const historyFile = join(folder, 'history.jsonl');
  const load = await LabLoad.open({ cluster, historyFile, rate, seed, retained: false });
  try {
    await load.start();
    await new Promise((resolve) => setTimeout(resolve, loadMs));
    const verdict = await load.finish();
    const { acked, delivered } = verdict;
    const expected: readonly (readonly [what: string, query: string, lab: number])[] = [
      ['QoS 1 acks', 'sum(mqtt_cluster_publish_acks_total{qos="1"})', acked.qos1],
      ['QoS 2 acks', 'sum(mqtt_cluster_publish_acks_total{qos="2"})', acked.qos2],
      ['QoS 1 deliveries', 'sum(mqtt_cluster_publishes_sent_total{qos="1"})', delivered.qos1],
      ['QoS 2 deliveries', 'sum(mqtt_cluster_publishes_sent_total{qos="2"})', delivered.qos2],
    ];
    const pairs = await Promise.all(
      expected.map(async ([what, query, lab]) => ({
        what,
        lab,
        prometheus: await scraped(query, lab, (text) => api.value(text)),
      })),
    );
    return { verdict, pairs, reconnects: load.stats.brokenConnections };
  } finally {
    await load.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the value of a query after the scrape that follows the last message, when the counts no longer change. */
async function scraped(
  query: string,
  enough: number,
  ask: (query: string) => Promise<number | null>,
): Promise<number> {
  const look = async (): Promise<number | null> => {
    const value = await ask(query);
    return value !== null && value >= enough ? value : null;
  };
  return waitUntil(query, scrapedMsMax, look).catch(async () => (await ask(query)) ?? 0);
}
