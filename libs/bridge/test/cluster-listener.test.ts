import { connect as connectSocket } from 'node:net';
import { bridgeTopics } from '@mqtt-cluster/contracts';
import { connect } from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { encodeFrame } from '../src/frame/frame.ts';
import { freeSites, startBridge, stopAll } from './harness.ts';
import type { RunningBridge, Site } from './harness.ts';
import { propose } from './samples.ts';

let sites: Site[];
let a: RunningBridge;

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

/** Connects as a peer, so that the test can send any frame. */
async function dialAsPeer(options: IClientOptions = {}): Promise<MqttClient> {
  const client = dial({ ...asPeer, ...options });
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return client;
}

const good = Buffer.from(encodeFrame([propose(new Uint8Array([1]))]));

/** Proves that the listener still works: connects as a peer, and waits for a valid frame to arrive. */
async function expectAlive(): Promise<void> {
  const before = a.recorder.messages.length;
  const client = await dialAsPeer();
  client.publish(bridgeTopics.log, good, { qos: 0 });
  await a.recorder.until(() => a.recorder.messages.length > before);
  client.end(true);
}

describe('the cluster listener rejects', () => {
  test.each<[string, IClientOptions]>([
    ['an unknown client', { clientId: 'stranger' }],
    ['an unknown client with a valid user name', { ...asPeer, clientId: 'sensor-1' }],
    ['a client with the identifier __proto__', { ...asPeer, clientId: '__proto__' }],
    ['a member that is not a configured peer', { ...asPeer, clientId: 'bridge:x:log' }],
    ["a connection with the listener's own member id", { ...asPeer, clientId: 'bridge:a:log' }],
    ['an unknown kind of connection', { ...asPeer, clientId: 'bridge:b:other' }],
    ['a peer of another cluster', { ...asPeer, username: '1:other' }],
    ['a peer with another frame version', { ...asPeer, username: '2:test' }],
    ['a peer without a cluster name', { clientId: 'bridge:b:log' }],
    ['a peer that uses MQTT 5', { ...asPeer, protocolVersion: 5 }],
    [
      'a peer with a will',
      { ...asPeer, will: { topic: 't', payload: Buffer.from('x'), qos: 0, retain: false } },
    ],
  ])('%s', async (_name, options) => {
    const client = dial(options);
    let connected = false;
    client.on('connect', () => (connected = true));
    await closed(client);
    expect(connected).toBe(false);
    await expectAlive();
  });

  test('a peer that uses a newer frame version, and logs both versions', async () => {
    await closed(dial({ ...asPeer, username: '2:test' }));
    const words = 'it uses version 2 of the frame format, this member uses 1';
    await a.recorder.until(() => a.recorder.warnings.some((warning) => warning.includes(words)));
  });
});

describe('the cluster listener', () => {
  test.each<[string, (client: MqttClient) => void]>([
    ['subscribes', (client) => client.subscribe('$bridge/#')],
    ['publishes on another topic', (client) => client.publish('plant/1', 'x')],
    ['publishes a raft frame on its log connection', (client) => client.publish(bridgeTopics.raft, good)],
    ['publishes with QoS 1', (client) => client.publish(bridgeTopics.log, good, { qos: 1 })],
    ['publishes with QoS 2', (client) => client.publish(bridgeTopics.log, good, { qos: 2 })],
    ['publishes a retained message', (client) => client.publish(bridgeTopics.log, good, { retain: true })],
    [
      'sends bytes that are not MQTT',
      (client) => client.stream.write(Buffer.from([0xf0, 0xff, 0xff, 0xff, 0xff])),
    ],
    [
      'sends a second CONNECT',
      (client) => client.stream.write(Buffer.from('101000044d5154540402003c00046162636400', 'hex')),
    ],
  ])('closes only the connection of a peer that %s', async (_name, misbehave) => {
    const client = await dialAsPeer();
    const gone = closed(client);
    misbehave(client);
    await gone;
    expect(a.recorder.messages).toEqual([]);
    await expectAlive();
  });

  test('ignores PUBACK, PUBREC and PUBREL packets that belong to no publish', async () => {
    const client = await dialAsPeer();
    client.stream.write(Buffer.from('62020009620200094002000950020009', 'hex'));
    client.publish(bridgeTopics.log, good);
    await a.recorder.until(() => a.recorder.messages.length === 1);
    client.end(true);
    await expectAlive();
  });

  test('drops and counts an invalid frame without closing the connection', async () => {
    const client = await dialAsPeer();
    const bad = Buffer.from(good);
    bad[bad.length - 1]! ^= 1;
    for (const frame of [bad, Buffer.alloc(0), Buffer.from('{"type":"hello"}'), bad.subarray(0, 9)]) {
      client.publish(bridgeTopics.log, frame);
    }
    client.publish(bridgeTopics.live, good);
    await a.recorder.until(() => a.recorder.messages.length === 1);
    expect(a.bridge.counters()['b']!.framesRefused).toBe(4);
    // The rate limit of the log suppresses equal warnings, so the log contains one warning for several
    // invalid frames.
    expect(
      a.recorder.warnings.filter((warning) => warning.startsWith('frame of a peer dropped')),
    ).toHaveLength(1);
    client.end(true);
  });
});

test('a new connection of a peer takes over its old connection', async () => {
  const old = await dialAsPeer();
  const gone = closed(old);
  const client = await dialAsPeer();
  await gone;
  client.publish(bridgeTopics.log, good);
  await a.recorder.until(() => a.recorder.messages.length === 1);
  client.end(true);
});

test('bytes that are not MQTT close only the connection that sent them', async () => {
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
