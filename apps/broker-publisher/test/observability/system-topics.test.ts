import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Packet } from 'mqtt-packet';
import { until } from '@mqtt-cluster/testing';
import type { RawClient } from '../support/raw-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster | null = null;

afterEach(async () => {
  await cluster?.close();
  cluster = null;
});

type Publish = Extract<Packet, { cmd: 'publish' }>;

function publishes(client: RawClient): Publish[] {
  return client.received.filter((packet): packet is Publish => packet.cmd === 'publish');
}

/** Returns the topics in the tables of docs/SYS-TOPICS.md, with all variants of each row. */
function documented(): string[] {
  const file = fileURLToPath(new URL('../../../../docs/SYS-TOPICS.md', import.meta.url));
  const rows = readFileSync(file, 'utf8').matchAll(/^\| (`\$SYS.*?) \| (.*) \|$/gm);
  return [...rows].flatMap(([, cell = '', meaning = '']) => {
    const [first = '', ...others] = [...cell.matchAll(/`([^`]+)`/g)].map(([, topic]) => topic!);
    if (first.includes('<what>')) {
      const quoted = [...meaning.matchAll(/`([^`<]+)`/g)].map(([, what]) => what!);
      return quoted.flatMap((what) =>
        ['1min', '5min', '15min'].map((window) => `$SYS/broker/load/${what}/${window}`),
      );
    }
    return [first, ...others.map((rest) => first.replace(/\/[^/]+$/, rest.replace(/^\.\.\./, '')))];
  });
}

test('a new subscriber of $SYS/# receives every documented topic as a retained QoS 0 message', async () => {
  cluster = await TestCluster.start(['a']);
  const client = await cluster.connect('a', 'c');
  const topics = (): string[] => publishes(client).map(({ topic }) => topic);
  await client.subscribe('$SYS/#', 2);
  // The retained messages arrive before the PINGRESP, because they follow SUBACK at once.
  client.send({ cmd: 'pingreq' });
  await client.got('pingresp');
  expect([...new Set(topics())].sort()).toEqual(documented().sort());
  for (const { qos } of publishes(client)) expect(qos).toBe(0);
  for (const topic of documented()) {
    expect(publishes(client).find((packet) => packet.topic === topic)?.retain).toBe(true);
  }
  const of = (topic: string): string | undefined =>
    publishes(client)
      .filter((packet) => packet.topic === topic)
      .at(-1)
      ?.payload.toString();
  expect(of('$SYS/broker/version')).toBe('test');
  expect(of('$SYS/cluster/member')).toBe('a');
  expect(of('$SYS/cluster/isolated')).toBe('false');
});

test('# and + do not match $SYS topics, and clients cannot publish to them [5.0 MQTT-4.7.2-1]', async () => {
  cluster = await TestCluster.start(['a']);
  const client = await cluster.connect('a', 'c', { protocolVersion: 5 });
  await client.subscribe('#', 1);
  await client.subscribe('+/cluster/state', 1);
  const log = (await cluster.status('a')).lastIndex;
  client.publish('$SYS/cluster/state', 'mine', 1, 1);
  client.publish('normal', 'x', 1, 2);
  await client.got('puback', 2);
  await until(() => publishes(client).length > 0);
  expect(publishes(client).map(({ topic }) => topic)).toEqual(['normal']);
  // The log contains the normal message, and the rejected $SYS message is not retained.
  expect((await cluster.status('a')).lastIndex).toBeGreaterThan(log);
  expect((await cluster.status('a')).retained).toBe(0);
});

test('$SYS/broker/clients shows sessions without a client, and counts a session when it expires', async () => {
  cluster = await TestCluster.start(['a']);
  const observer = await cluster.connect('a', 'observer');
  await observer.subscribe('$SYS/broker/clients/#', 0);
  const latest = (name: string): string | undefined =>
    publishes(observer)
      .filter(({ topic }) => topic === `$SYS/broker/clients/${name}`)
      .at(-1)
      ?.payload.toString();
  for (const [clientId, sessionExpiryInterval] of [
    ['expires', 1],
    ['stays', 3_600],
  ] as const) {
    const properties = { sessionExpiryInterval };
    (await cluster.connect('a', clientId, { protocolVersion: 5, properties })).destroy();
  }
  await until(() => latest('expired') === '1');
  await until(() => latest('disconnected') === '1');
  expect(latest('inactive')).toBe('1');
});
