import { judge, Load } from '@mqtt-cluster/lab';
import type { History, Verdict } from '@mqtt-cluster/lab';
import type { LiveLab } from './live-lab.ts';
import { until } from './until.ts';

/** Messages a second for each QoS. */
const rate = 60;
const seed = 1;
const scrapedMsMax = 60_000;

/** Something counted twice: by the load's clients, and by the members, as Prometheus has it. */
export interface CountPair {
  readonly what: string;
  readonly lab: number;
  readonly prometheus: number;
}

export interface CountFindings {
  readonly verdict: Verdict;
  readonly pairs: readonly CountPair[];
  /**
   * Connections that broke and were made again: packets on their way then were sent, and counted by a member, but not
   * received. The members' counts are then at least those of the load; without any they are the same.
   */
  readonly reconnects: number;
}

/** What does not fit, one line each; none when Prometheus and the lab tell the same. */
export function differences({ pairs, reconnects, verdict }: CountFindings): string[] {
  const wrong = pairs.filter(({ lab, prometheus }) =>
    reconnects === 0 ? lab !== prometheus : prometheus < lab,
  );
  return [
    ...wrong.map(({ what, lab, prometheus }) => `${what}: the lab counts ${lab}, Prometheus ${prometheus}`),
    ...verdict.reasons,
  ];
}

/**
 * Runs the lab's verifying load on a cluster without any other client, and compares. Members must not be killed
 * meanwhile: their counters would begin anew.
 */
export async function checkCounts({ api, cluster }: LiveLab, loadMs: number): Promise<CountFindings> {
  const { members } = cluster.layout;
  const isRunning = (id: string): boolean =>
    members.some((member) => member.id === id && cluster.isRunning(member));
  const load = new Load({ members, rate, seed, mayDegrade: false, isRunning });
  try {
    await load.start();
    await new Promise((resolve) => setTimeout(resolve, loadMs));
    load.killMortals();
    await load.settle();
    const history = load.history();
    const acked = load.acknowledged();
    const received = receivedBy(history);
    const expected: readonly (readonly [what: string, query: string, lab: number])[] = [
      ['QoS 1 acks', 'sum(mqtt_cluster_publish_acks_total{qos="1"})', acked.qos1],
      ['QoS 2 acks', 'sum(mqtt_cluster_publish_acks_total{qos="2"})', acked.qos2],
      ['QoS 1 deliveries', 'sum(mqtt_cluster_publishes_sent_total{qos="1"})', received.qos1],
      ['QoS 2 deliveries', 'sum(mqtt_cluster_publishes_sent_total{qos="2"})', received.qos2],
    ];
    const pairs = await Promise.all(
      expected.map(async ([what, query, lab]) => ({
        what,
        lab,
        prometheus: await scraped(query, lab, (text) => api.value(text)),
      })),
    );
    const stays = [...history.streams, ...history.subscribers].map((client) => client.stays.length);
    const reconnects = stays.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
    return { verdict: judge(history), pairs, reconnects };
  } finally {
    load.end();
  }
}

/** Waits for the scrape after the last message; the counts themselves don't change any more. */
async function scraped(
  query: string,
  enough: number,
  ask: (query: string) => Promise<number | null>,
): Promise<number> {
  const look = async (): Promise<number | null> => {
    const value = await ask(query);
    return value !== null && value >= enough ? value : null;
  };
  return until(query, scrapedMsMax, look).catch(async () => (await ask(query)) ?? 0);
}

/** PUBLISH packets that all subscribers received, by the QoS they were sent with; wills are QoS 2. */
function receivedBy({ streams, subscribers }: History): { qos1: number; qos2: number } {
  const qosOf = new Map(streams.map(({ id, qos }) => [id, qos]));
  const counts = [0, 0, 0];
  for (const { qos: granted, sessions } of subscribers) {
    for (const { deliveries, wills } of sessions) {
      for (const { stream } of deliveries) counts[Math.min(granted, qosOf.get(stream) ?? 0)]! += 1;
      for (const times of wills.values()) counts[granted]! += times;
    }
  }
  return { qos1: counts[1]!, qos2: counts[2]! };
}
