import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import { until } from '@mqtt-cluster/testing';
import type { IConnectPacket, IDisconnectPacket, IPublishPacket } from 'mqtt-packet';
import type { LinkManager } from '../src/index.ts';
import { Presence } from '../src/remote/presence.ts';
import { FakeBroker } from './support/fake-broker.ts';
import { FakeMember } from './support/fake-member.ts';
import { managerOf } from './support/links-of.ts';

const presence = 'sites/north';
/** The mark of the link, so that further links do not pass the message on. */
const userProperties = { 'mqtt-cluster-link': 'c/plant' };

let member: FakeMember;
let broker: FakeBroker;
let manager: LinkManager;
let definition: object;

beforeEach(async () => {
  member = new FakeMember();
  broker = new FakeBroker();
  manager = managerOf(member);
  const rules = [{ direction: 'out', filter: 'a/#' }];
  definition = { addresses: [await broker.start()], presence, rules };
});

afterEach(async () => {
  await manager.stop();
  broker.stop();
});

async function connect(change: object = {}): Promise<void> {
  await manager.start();
  define(change);
  await until(async () => (await manager.reports())[0]?.phase === 'connected');
}

/** Replaces the definition, which has another index then. */
function define(change: object): void {
  const copies = member.definitions.size;
  member.definitions.clear();
  for (let copy = 0; copy <= copies; copy++) member.definitions.set(`z${copy}`, { paused: true });
  member.definitions.set('plant', { ...definition, ...change });
}

const connects = (): IConnectPacket[] =>
  broker.received.filter((packet): packet is IConnectPacket => packet.cmd === 'connect');

/** What the broker has received besides CONNECT: the payloads on the topic, and the reason codes of DISCONNECT. */
const said = (): unknown[] =>
  broker.received.flatMap((packet): unknown[] => {
    if (packet.cmd === 'publish' && packet.topic === presence) return [packet.payload.toString()];
    // The first connection only deletes the session at the broker.
    if (packet.cmd === 'disconnect') return [(packet as IDisconnectPacket).reasonCode ?? 0];
    return [];
  });

test('a link says that it is connected after CONNACK, and its will says that it is not', async () => {
  await connect();
  const [discarding, lasting] = connects();
  expect(discarding!.will).toBeUndefined();
  expect(lasting!.will).toMatchObject({
    topic: presence,
    payload: Buffer.from('0'),
    qos: 1,
    retain: true,
    properties: { willDelayInterval: 10, userProperties },
  });
  await until(() => said().includes('1'));
  expect(said()).toEqual([0, '1']);
  const packet = broker.received.find(({ cmd }) => cmd === 'publish') as IPublishPacket;
  expect(packet).toMatchObject({ retain: true, qos: 0, properties: { userProperties } });
});

test('the will of a connection with MQTT 3.1.1 has no properties', () => {
  const of311 = linkDefinitionSchema.parse({ ...definition, protocol: '3.1.1' });
  const options = { definition: of311, mark: 'c/plant', send: () => undefined, after: () => () => undefined };
  expect(new Presence(options).will()).toEqual({ topic: presence, payload: '0', qos: 1, retain: true });
});

test('a link without the setting has no will, and publishes nothing of its own', async () => {
  definition = { ...definition, presence: undefined };
  await connect();
  define({ paused: true });
  await until(() => broker.connections === 0);
  expect(connects().map(({ will }) => will)).toEqual([undefined, undefined]);
  expect(broker.packets).not.toContain('publish');
  expect(said()).toEqual([0, 0]);
});

test.each([
  ['is paused', () => define({ paused: true })],
  ['is removed', () => member.definitions.delete('plant')],
])('a link that %s says so before DISCONNECT, which deletes the will', async (_what, act) => {
  await connect();
  act();
  await until(() => broker.connections === 0);
  expect(said()).toEqual([0, '1', '0', 0]);
});

test('a link whose topic changes says so at the former topic, because the next connection deletes the will', async () => {
  await connect();
  define({ presence: 'sites/other' });
  await until(() => connects().length === 3);
  expect(said()).toEqual([0, '1', '0', 0]);
  await until(() =>
    broker.received.some((packet) => packet.cmd === 'publish' && packet.topic === 'sites/other'),
  );
});

test.each([
  ['drains', () => (member.state = 'draining')],
  ['is isolated', () => (member.state = 'isolated')],
  ['no longer has the session of the link', () => member.takeOver('$link/plant')],
  ['stops', () => manager.stop()],
])(
  'a member that %s leaves the will to the other broker, which deletes it when another member connects',
  async (_what, act) => {
    await connect();
    await until(() => said().includes('1'));
    await act();
    await until(() => broker.connections === 0);
    expect(said()).toEqual([0, '1', 4]);
  },
);

test('the removal deletes a session that waits with its will, and says that the cluster is not connected', async () => {
  expect(await manager.discard('plant', linkDefinitionSchema.parse(definition))).toBeNull();
  await until(() => broker.connections === 0);
  expect(connects().map(({ will, clean }) => [will, clean])).toEqual([[undefined, true]]);
  expect(said()).toEqual(['0', 0]);
});

test('a link repeats once that it is connected, because the will of the connection before may come late', () => {
  const payloads: unknown[] = [];
  const delays: number[] = [];
  let repeat: (() => void) | null = null;
  const link = new Presence({
    definition: linkDefinitionSchema.parse(definition),
    mark: 'c/plant',
    send: (packet) => payloads.push((packet as IPublishPacket).payload),
    after: (delayMs, run) => {
      delays.push(delayMs);
      repeat = run;
      return () => (repeat = null);
    },
  });
  link.onConnected();
  repeat!();
  expect([payloads, delays]).toEqual([['1', '1'], [5_000]]);
  link.onConnected();
  link.onDisconnected();
  expect(repeat).toBeNull();
});
