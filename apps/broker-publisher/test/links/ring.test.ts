import type { LinkItem } from '@mqtt-cluster/api';
import { until } from '@mqtt-cluster/testing';
import type { MqttClient } from 'mqtt';
import { ApiClient } from '../support/api-client.ts';
import { connectClient, linkOf, putLink, removeLinks, startLinkCluster } from '../support/link-cluster.ts';
import type { TestCluster } from '../support/test-cluster.ts';

const sites = ['a', 'b', 'c'] as const;
type Site = (typeof sites)[number];

/** Rounds of messages. A message that circles passes several times while the others of its ring arrive. */
const rounds = 6;

/** The next site of the ring. Each site defines the link to it. */
const next: Readonly<Record<Site, Site>> = { a: 'b', b: 'c', c: 'a' };

/** A cluster of one member, and the payloads that a client of it has received. */
interface End {
  readonly cluster: TestCluster;
  readonly api: ApiClient;
  readonly client: MqttClient;
  readonly received: string[];
}

const ends = new Map<Site, End>();
const endOf = (site: Site): End => ends.get(site)!;

const link = (site: Site): Promise<LinkItem> => linkOf(endOf(site).api, `to-${next[site]}`);

/** Links each cluster with the next one, in both directions. */
async function linkAll(hopsMax: number): Promise<void> {
  const rules = ['out', 'in'].map((direction) => ({ direction, filter: 'ring/#', qosMax: 2 }));
  for (const site of sites) {
    const addresses = [endOf(next[site]).cluster.mqttUrl('m1')];
    await putLink(endOf(site).api, `to-${next[site]}`, { addresses, hopsMax, rules });
  }
  for (const site of sites) await until(async () => (await link(site))?.state === 'connected');
}

/** Returns the messages that all links have sent and received, as soon as none of them waits for an acknowledgement. */
async function passed(): Promise<number> {
  let links: readonly LinkItem[] = [];
  await until(async () => {
    links = await Promise.all(sites.map(link));
    return links.every(({ lagMessages }) => lagMessages === 0);
  });
  return links.flatMap(({ sent, received }) => [...sent, ...received]).reduce((sum, each) => sum + each, 0);
}

const countOf = (site: Site, payload: string): number =>
  endOf(site).received.filter((each) => each === payload).length;

/** Publishes messages in both directions of each link until they arrive: then its subscriptions are in force. */
async function open(): Promise<void> {
  for (const from of sites)
    for (const to of sites) {
      const payload = `open ${from} ${to}`;
      await until(async () => {
        await endOf(from).client.publishAsync('ring/a', payload, { qos: 1 });
        return countOf(to, payload) > 0;
      });
    }
}

/** Returns how often each site has received the messages of a round, by the site that has published them. */
const arrivals = (number: number): number[][] =>
  sites.map((from) => sites.map((to) => countOf(to, `${from} ${number}`)));

/** The publisher's own cluster has the message once. */
const expected = (times: number): number[][] =>
  sites.map((from) => sites.map((to) => (to === from ? 1 : times)));

/** Publishes one message at each site, and resolves when the other sites have received it this number of times. */
async function round(number: number, times: number): Promise<void> {
  const qos = (number % 3) as 0 | 1 | 2;
  for (const site of sites) await endOf(site).client.publishAsync('ring/a', `${site} ${number}`, { qos });
  const wanted = expected(times).flat();
  await until(() =>
    arrivals(number)
      .flat()
      .every((count, position) => count >= wanted[position]!),
  );
}

beforeAll(async () => {
  for (const site of sites) {
    const cluster = await startLinkCluster(['m1']);
    const client = await connectClient(cluster.mqttUrl('m1'), 'client', true);
    const received: string[] = [];
    client.on('message', (_topic, payload) => received.push(payload.toString()));
    await client.subscribeAsync('ring/#', { qos: 2 });
    ends.set(site, { cluster, api: new ApiClient(cluster.httpUrl('m1')), client, received });
  }
});

afterEach(async () => {
  for (const { api } of ends.values()) await removeLinks(api);
  for (const { received } of ends.values()) received.length = 0;
});

afterAll(async () => {
  for (const { client, cluster } of ends.values()) {
    client.end(true);
    await cluster.close();
  }
});

test.each([
  // One link: each message arrives once.
  [1, 1],
  // Two links: each message arrives at the others over both paths.
  [2, 2],
])(
  'in a ring of three clusters with hopsMax %i, messages arrive %i times, and the traffic ends',
  async (hopsMax, times) => {
    await linkAll(hopsMax);
    await open();
    const run = async (first: number): Promise<void> => {
      for (let number = first; number < first + rounds; number++) {
        await round(number, times);
        for (let earlier = 0; earlier <= number; earlier++)
          expect(arrivals(earlier)).toEqual(expected(times));
      }
    };
    await run(0);
    const before = await passed();
    await run(rounds);
    expect((await passed()) - before).toBe(rounds * sites.length * 2 * times);
  },
);
