import { connect as connectSocket } from 'node:net';
import { bridgeTopics } from '@mqtt-cluster/contracts';
import { connect } from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { encodeFrame } from '../src/index.ts';
import { freeSites, startBridge, stopAll } from './harness.ts';
import type { Running, Site } from './harness.ts';
import { propose } from './samples.ts';

let sites: Site[];
let a: Running;

beforeEach(async () => {
  sites = await freeSites('a', 'b');
  a = await startBridge(sites, 'a');
});

afterEach(stopAll);

function dial(options: IClientOptions): MqttClient {
  const { host, port } = sites[0]!;
  const client = connect({ protocol: 'mqtt', host, port, reconnectPeriod: 0, ...options });
  client.on('error', () => {});
  return client;
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()));
}

const asPeer: IClientOptions = { clientId: 'bridge:b:log', username: '1:test', protocolVersion: 4 };

/** A peer whose frames we make by hand. */
async function dialAsPeer(options: IClientOptions = {}): Promise<MqttClient> {
  const client = dial({ ...asPeer, ...options });
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return client;
}

const good = Buffer.from(encodeFrame([propose(new Uint8Array([1]))]));

/** The proof that nothing before it has hurt: a good frame of the real peer's client id still arrives. */
async function expectAlive(): Promise<void> {
  const before = a.recorder.messages.length;
  const client = await dialAsPeer();
  client.publish(bridgeTopics.log, good, { qos: 0 });
  await a.recorder.until(() => a.recorder.messages.length > before);
  client.end(true);
}

describe('the cluster listener lets nobody in but its peers', () => {
  test.each<[string, IClientOptions]>([
    ['a stranger', { clientId: 'stranger' }],
    ['a stranger with the right user name', { ...asPeer, clientId: 'sensor-1' }],
    ['a client named like a member of Object.prototype', { ...asPeer, clientId: '__proto__' }],
    ['a member that is no configured peer', { ...asPeer, clientId: 'bridge:x:log' }],
    ['itself', { ...asPeer, clientId: 'bridge:a:log' }],
    ['an unknown kind of connection', { ...asPeer, clientId: 'bridge:b:other' }],
    ['a peer of another cluster', { ...asPeer, username: '1:other' }],
    ['a peer of another format', { ...asPeer, username: '2:test' }],
    ['a peer without a cluster', { clientId: 'bridge:b:log' }],
    ['a peer that speaks MQTT 5', { ...asPeer, protocolVersion: 5 }],
    [
      'a peer with a will',
      { ...asPeer, will: { topic: 't', payload: Buffer.from('x'), qos: 0, retain: false } },
    ],
  ])('not %s', async (_name, options) => {
    const client = dial(options);
    let connected = false;
    client.on('connect', () => (connected = true));
    await closed(client);
    expect(connected).toBe(false);
    await expectAlive();
  });

  test('says that a newer peer is newer', async () => {
    await closed(dial({ ...asPeer, username: '2:test' }));
    const words = "it speaks version 2 of the bridge's format, this member speaks 1";
    await a.recorder.until(() => a.recorder.warnings.some((warning) => warning.includes(words)));
  });
});

describe('a peer that misbehaves is cut, and nobody else', () => {
  test.each<[string, (client: MqttClient) => void]>([
    ['subscribes', (client) => client.subscribe('$bridge/#')],
    ['publishes elsewhere', (client) => client.publish('plant/1', 'x')],
    ['uses the wrong connection', (client) => client.publish(bridgeTopics.raft, good)],
    ['publishes with QoS 1', (client) => client.publish(bridgeTopics.log, good, { qos: 1 })],
    ['publishes with QoS 2', (client) => client.publish(bridgeTopics.log, good, { qos: 2 })],
    ['retains', (client) => client.publish(bridgeTopics.log, good, { retain: true })],
    [
      'sends bytes that are no MQTT',
      (client) => client.stream.write(Buffer.from([0xf0, 0xff, 0xff, 0xff, 0xff])),
    ],
    [
      'connects twice',
      (client) => client.stream.write(Buffer.from('101000044d5154540402003c00046162636400', 'hex')),
    ],
  ])('when it %s', async (_name, misbehave) => {
    const client = await dialAsPeer();
    const gone = closed(client);
    misbehave(client);
    await gone;
    expect(a.recorder.messages).toEqual([]);
    await expectAlive();
  });

  test('but acknowledgements for nothing, twice, do no harm', async () => {
    const client = await dialAsPeer();
    client.stream.write(Buffer.from('62020009620200094002000950020009', 'hex'));
    client.publish(bridgeTopics.log, good);
    await a.recorder.until(() => a.recorder.messages.length === 1);
    client.end(true);
    await expectAlive();
  });

  test('and a wrong frame is refused and counted on a connection that goes on', async () => {
    const client = await dialAsPeer();
    const bad = Buffer.from(good);
    bad[bad.length - 1]! ^= 1;
    for (const frame of [bad, Buffer.alloc(0), Buffer.from('{"type":"hello"}'), bad.subarray(0, 9)]) {
      client.publish(bridgeTopics.log, frame);
    }
    client.publish(bridgeTopics.live, good);
    await a.recorder.until(() => a.recorder.messages.length === 1);
    expect(a.bridge.counters()['b']!.framesRefused).toBe(4);
    // All on one connection and at once: only kinds of complaint are logged, not every one.
    expect(a.recorder.warnings.filter((warning) => warning.startsWith('a frame was refused'))).toHaveLength(
      1,
    );
    client.end(true);
  });
});

test('a peer that comes again takes over its old connection', async () => {
  const old = await dialAsPeer();
  const gone = closed(old);
  const client = await dialAsPeer();
  await gone;
  client.publish(bridgeTopics.log, good);
  await a.recorder.until(() => a.recorder.messages.length === 1);
  client.end(true);
});

test('noise instead of MQTT ends a connection and nothing else', async () => {
  const { host, port } = sites[0]!;
  for (const noise of [
    'GET / HTTP/1.1\r\n\r\n',
    '\x10\xff\xff\xff\x7f',
    '\x00'.repeat(1_000),
    '\x16\x03\x01\x02\x00',
  ]) {
    const socket = connectSocket({ host, port });
    await new Promise<void>((resolve) => {
      socket.on('error', () => {});
      socket.once('close', () => resolve());
      socket.end(Buffer.from(noise, 'latin1'));
      socket.resume();
    });
  }
  await expectAlive();
});
