import { conformanceSemantics } from '@mqtt-cluster/contracts';
import { until } from '@mqtt-cluster/testing';
import type { IConnackPacket, IConnectPacket, IPublishPacket } from 'mqtt-packet';
import type { RawClient } from '../support/raw-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(['a', 'b', 'c']);
  await until(async () => (await cluster.status('b')).semantics >= conformanceSemantics);
}, 60_000);

afterAll(() => cluster.close());

const will = { topic: 'w', payload: Buffer.from('will'), qos: 1, retain: false } as const;

function connect(id: string, client: string, packet: Partial<IConnectPacket>): Promise<RawClient> {
  return cluster.connect(id, client, packet);
}

function connack(client: RawClient): IConnackPacket {
  return client.received.find((packet): packet is IConnackPacket => packet.cmd === 'connack')!;
}

async function watch(client: string): Promise<RawClient> {
  const watcher = await connect('c', client, {});
  await watcher.subscribe('w', 1);
  return watcher;
}

function payloads(client: RawClient): string[] {
  const publishes = client.received.filter((packet): packet is IPublishPacket => packet.cmd === 'publish');
  return publishes.map(({ payload }) => payload.toString());
}

const five = { protocolVersion: 5 } as const;

test.each<[string, string, Partial<IConnectPacket>, Partial<IConnectPacket>]>([
  ['3.1.1 at the same member', 'a', { will }, {}],
  ['3.1.1 at another member', 'b', { will }, {}],
  ['5.0 at the same member', 'a', { ...five, will }, five],
  ['5.0 at another member', 'b', { ...five, will }, five],
  [
    '5.0 with a will delay and Clean Start',
    'b',
    {
      ...five,
      clean: false,
      properties: { sessionExpiryInterval: 300 },
      will: { ...will, properties: { willDelayInterval: 20 } },
    },
    { ...five, clean: true },
  ],
])(
  'a second connection with the same client id publishes the will of the first one before its own messages: %s [3.1.1 MQTT-3.1.2-8] [5.0 MQTT-3.1.2-8]',
  async (name, home, first, second) => {
    const watcher = await watch(`watcher of ${name}`);
    const former = await connect('a', name, first);
    const current = await connect(home, name, second);
    current.publish('w', 'new', 1, 1);
    await watcher.got('publish', 2);
    await former.closed();
    expect(payloads(watcher)).toEqual(['will', 'new']);
    current.send({ cmd: 'disconnect' });
  },
);

test('a will whose delay is running is published when Clean Start ends the session [5.0 MQTT-3.1.2-8]', async () => {
  const watcher = await watch('watcher of the delay');
  const session = { ...five, clean: false, properties: { sessionExpiryInterval: 300 } };
  const delayed = { ...will, properties: { willDelayInterval: 20 } };
  const former = await connect('a', 'delayed', { ...session, will: delayed });
  former.destroy();
  const current = await connect('b', 'delayed', { ...session, clean: true });
  current.publish('w', 'new', 1, 1);
  await watcher.got('publish', 2);
  expect(payloads(watcher)).toEqual(['will', 'new']);
});

test('a client that sent DISCONNECT has no will, also if it connects elsewhere at once [3.1.1 MQTT-3.14.4-3]', async () => {
  const watcher = await watch('watcher of DISCONNECT');
  for (let round = 0; round < 10; round++) {
    const former = await connect('a', 'leaving', { will });
    former.send({ cmd: 'disconnect' });
    const current = await connect('b', 'leaving', {});
    current.publish('w', `${round}`, 1, 1);
    await watcher.got('publish', round + 1);
  }
  expect(payloads(watcher)).toEqual(Array.from({ length: 10 }, (_, round) => `${round}`));
});

test.each(['a', 'b'])(
  'CONNECT with Clean Session 0 at member %s directly after a clean session receives Session Present 0 [3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.2.2-3]',
  async (home) => {
    const open = await connect('a', `gs-${home}`, { clean: true });
    expect(connack(await connect(home, `gs-${home}`, { clean: false })).sessionPresent).toBe(false);
    await open.closed();
    const closed = await connect('a', `gs2-${home}`, { clean: true });
    closed.send({ cmd: 'disconnect' });
    expect(connack(await connect(home, `gs2-${home}`, { clean: false })).sessionPresent).toBe(false);
  },
);
