import { generate } from 'mqtt-packet';
import type { IConnectPacket } from 'mqtt-packet';
import { decisions } from './support/access.ts';
import { connect, connectPacket, open, startBroker } from './support/driver.ts';
import type { BrokerTarget, RawClient } from './support/driver.ts';

let target: BrokerTarget;
beforeEach(async () => {
  target = await startBroker();
});
afterEach(() => target.stop());

/** The protocol level in CONNECT with the bit that a bridge sets. */
const bridgeBit = 0x80;

/** Encodes CONNECT with another protocol name and level than mqtt-packet allows. */
function connectBytes(client: string, version: 3 | 4 | 5, change: { name?: string; level?: number }): Buffer {
  const bytes = generate(connectPacket(client, { protocolVersion: version }), { protocolVersion: version });
  const nameBytes = bytes.readUInt16BE(2);
  if (change.name !== undefined) bytes.write(change.name.padEnd(nameBytes).slice(0, nameBytes), 4, 'latin1');
  if (change.level !== undefined) bytes[4 + nameBytes] = change.level;
  return bytes;
}

async function connectBridge(client: string, version: 3 | 4 | 5): Promise<RawClient> {
  const bridge = open(target, version);
  bridge.sendBytes(connectBytes(client, version, { level: version | bridgeBit }));
  await bridge.next('connack');
  return bridge;
}

describe('the broker, for a client with an unsupported protocol,', () => {
  test.each<[string, 3 | 4 | 5, { name?: string; level?: number }]>([
    ['the level 2', 4, { level: 2 }],
    ['the level 3 with the name MQTT', 4, { level: 3 }],
    ['the level 4 with the name MQIsdp', 3, { level: 4 }],
    ['the unknown name HTTP with the level 4', 4, { name: 'HTTP' }],
    ['the bridge bit and the level 2', 4, { level: 2 | bridgeBit }],
  ])(
    'sends CONNACK with return code 1 and closes the connection, for %s [3.1.1 MQTT-3.1.2-2]',
    async (_name, version, change) => {
      const client = open(target, version);
      client.sendBytes(connectBytes('c', version, change));
      await client.closed;
      expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 1, sessionPresent: false }]);
      expect(target.port.inputKinds).not.toContain('connect');
    },
  );

  test.each<[string, { name?: string; level?: number }]>([
    ['the level 6', { level: 6 }],
    ['the unknown name HTTP with the level 5', { name: 'HTTP' }],
  ])(
    'sends CONNACK with reason code 0x84 and closes the connection, for %s [5.0 MQTT-3.1.2-1] [5.0 MQTT-3.1.2-2]',
    async (_name, change) => {
      const client = open(target, 5);
      client.sendBytes(connectBytes('c', 5, change));
      await client.closed;
      expect(client.packets).toMatchObject([{ cmd: 'connack', reasonCode: 0x84 }]);
      expect(target.port.inputKinds).not.toContain('connect');
    },
  );
});

describe('the broker, for a client of MQTT 3.1,', () => {
  test('sends 0 in the reserved byte 1 of CONNACK when the client resumes its session', async () => {
    const bytes: Buffer[] = [];
    for (const clean of [false, false]) {
      const client = open(target, 3);
      client.stream.on('data', (chunk: Buffer) => bytes.push(chunk));
      client.send(connectPacket('c', { protocolVersion: 3, clean }));
      await client.next('connack');
      await client.disconnect();
    }
    expect(bytes.map((each) => [...each])).toEqual([
      [0x20, 2, 0, 0],
      [0x20, 2, 0, 0],
    ]);
    const successor = await connect(target, 'c', { clean: false });
    expect(successor.packets).toMatchObject([{ cmd: 'connack', sessionPresent: true }]);
  });

  test('accepts a client identifier of more than 23 characters, and rejects an empty one with return code 2', async () => {
    await connect(target, 'c'.repeat(24), { protocolVersion: 3 });
    const empty = open(target, 3);
    empty.sendBytes([0x10, 14, 0, 6, ...Buffer.from('MQIsdp'), 3, 2, 0, 0, 0, 0]);
    await expect(empty.next('connack')).resolves.toMatchObject({ returnCode: 2 });
    await empty.closed;
  });

  test('accepts SUBSCRIBE and PUBREL with the DUP flag, which MQTT 3.1 allows', async () => {
    const client = await connect(target, 'c', { protocolVersion: 3 });
    client.sendBytes([0x8a, 6, 0, 1, 0, 1, 0x61, 2]);
    await expect(client.next('suback')).resolves.toMatchObject({ granted: [2] });
    client.publish('b', 'x', { qos: 2, messageId: 2 });
    await client.next('pubrec');
    client.sendBytes([0x6a, 2, 0, 2]);
    await client.next('pubcomp');
  });

  test('answers a rejected filter in SUBACK with 0x80, because MQTT 3.1 has no code for a failure', async () => {
    await target.stop();
    target = await startBroker({
      access: decisions({ grantedQos: (_subject, filter, qos) => (filter === 'secret' ? null : qos) }),
    });
    const client = await connect(target, 'c', { protocolVersion: 3 });
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'a', qos: 1 },
        { topic: 'secret', qos: 1 },
      ],
    });
    await expect(client.next('suback')).resolves.toMatchObject({ granted: [1, 0x80] });
  });

  test('accepts CONNECT that announces a user name and ends before it', async () => {
    const client = open(target, 3);
    client.sendBytes([0x10, 15, 0, 6, ...Buffer.from('MQIsdp'), 3, 0x82, 0, 0, 0, 1, 0x63]);
    await expect(client.next('connack')).resolves.toMatchObject({ returnCode: 0 });
  });
});

describe('the broker, for a bridge of another broker,', () => {
  test.each([3, 4, 5] as const)('accepts the protocol level %i with the bridge bit 0x80', async (version) => {
    const bridge = await connectBridge('bridge', version);
    const accepted = version === 5 ? { reasonCode: 0 } : { returnCode: 0 };
    expect(bridge.packets).toMatchObject([{ cmd: 'connack', ...accepted }]);
  });

  test.each([3, 4] as const)(
    'of the protocol level %i with the bridge bit, sends no message back to it, and keeps RETAIN',
    async (version) => {
      const bridge = await connectBridge('bridge', version);
      await bridge.subscribe(1, '#', 1);
      const other = await connect(target, 'other');
      await other.subscribe(1, '#', 1);
      bridge.publish('from/bridge', 'x', { qos: 1, messageId: 2, retain: true });
      await expect(other.next('publish')).resolves.toMatchObject({ topic: 'from/bridge', retain: false });
      other.publish('from/other', 'retained', { qos: 1, messageId: 2, retain: true });
      other.publish('from/other', 'plain', { qos: 1, messageId: 3 });
      await bridge.next('publish');
      await bridge.next('publish');
      expect(bridge.publishes).toMatchObject([
        { topic: 'from/other', payload: Buffer.from('retained'), retain: true },
        { topic: 'from/other', payload: Buffer.from('plain'), retain: false },
      ]);
    },
  );

  test('of MQTT 3.1.1, does not set No Local on a shared subscription [5.0 MQTT-3.8.3-4]', async () => {
    const bridge = await connectBridge('bridge', 4);
    await bridge.subscribe(1, '$share/g/a', 1);
    bridge.publish('a', 'x', { qos: 0 });
    await expect(bridge.next('publish')).resolves.toMatchObject({ topic: 'a' });
  });

  test('of MQTT 5, uses the subscription options that the bridge states itself', async () => {
    const bridge = await connectBridge('bridge', 5);
    await bridge.subscribe(1, 'a', 0);
    bridge.publish('a', 'x');
    await expect(bridge.next('publish')).resolves.toMatchObject({ topic: 'a' });
  });

  test('does not change the subscriptions of a client without the bridge bit', async () => {
    const client = await connect(target, 'c');
    await client.subscribe(1, 'a', 0);
    client.publish('a', 'x', { retain: true });
    await expect(client.next('publish')).resolves.toMatchObject({ topic: 'a', retain: false });
  });

  test.each([3, 4, 5] as const)(
    'of the protocol level %i, accepts a will and publishes on $SYS/broker/connection/NAME/state',
    async (version) => {
      const topic = '$SYS/broker/connection/host.b/state';
      const observer = await connect(target, 'observer');
      await observer.subscribe(1, '$SYS/broker/connection/#', 1);
      const bridge = await connect(target, 'bridge', {
        protocolVersion: version,
        will: { topic, payload: Buffer.from('0'), qos: 1, retain: true },
      });
      bridge.publish(topic, '1', { qos: 1, messageId: 1, retain: true });
      await expect(bridge.next('puback')).resolves.toMatchObject({ messageId: 1 });
      await expect(observer.next('publish')).resolves.toMatchObject({ topic, payload: Buffer.from('1') });
      bridge.drop();
      await expect(observer.next('publish')).resolves.toMatchObject({ topic, payload: Buffer.from('0') });
      const later = await connect(target, 'later');
      await later.subscribe(1, '$SYS/#', 1);
      await expect(later.next('publish', isTopic(topic))).resolves.toMatchObject({ retain: true });
    },
  );

  test.each([
    '$SYS/broker/version',
    '$SYS/broker/connection',
    '$SYS/broker/connection/state',
    '$SYS/broker/connection/a/b/state',
    '$SYS/broker/connection/a/state/b',
    '$SYS/broker/connection/a/states',
    '$SYS/broker/connections/a/state',
    '$SYS',
  ])('still rejects a publish and a will on %s', async (topic) => {
    const client = await connect(target, 'c', { protocolVersion: 5 });
    client.publish(topic, 'x', { qos: 1, messageId: 1 });
    await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x87 });
    const will = { topic, payload: Buffer.from('0'), qos: 1, retain: true } as const;
    const rejected = open(target, 5);
    rejected.send(connectPacket('w', { protocolVersion: 5, will }));
    await expect(rejected.next('connack')).resolves.toMatchObject({ reasonCode: 0x90 });
  });
});

describe('the broker, for an MQTT 5 bridge that asks for no Session Expiry Interval,', () => {
  const will = {
    topic: '$SYS/broker/connection/host.b/state',
    payload: Buffer.from('0'),
    qos: 1,
    retain: true,
  } as const;

  test('keeps its session and announces the interval in CONNACK, because a mosquitto bridge cannot state one', async () => {
    await target.stop();
    target = await startBroker({ limits: { bridgeSessionExpirySeconds: 7 } });
    const bridge = open(target, 5);
    bridge.send(connectPacket('b', { protocolVersion: 5, clean: false, will }));
    const { properties } = await bridge.next('connack');
    expect(properties?.sessionExpiryInterval).toBe(7);
    expect(target.port.requests).toMatchObject([{ client: 'b', sessionExpirySeconds: 7 }]);
  });

  test.each<[string, Partial<IConnectPacket>, number]>([
    ['Clean Start 1', { clean: true, will }, 0],
    ['a Session Expiry Interval of 0', { clean: false, will, properties: { sessionExpiryInterval: 0 } }, 0],
    ['a Session Expiry Interval of 9', { clean: false, will, properties: { sessionExpiryInterval: 9 } }, 9],
    ['a will on another topic', { clean: false, will: { ...will, topic: 'a' } }, 0],
    ['no will', { clean: false }, 0],
  ])('but uses the interval of a client with %s', async (_name, options, expiry) => {
    const client = open(target, 5);
    client.send(connectPacket('c', { protocolVersion: 5, ...options }));
    const { properties } = await client.next('connack');
    expect(properties).not.toHaveProperty('sessionExpiryInterval');
    expect(target.port.requests).toMatchObject([{ sessionExpirySeconds: expiry }]);
  });
});

function isTopic(topic: string) {
  return (packet: { cmd?: string; topic?: string }): boolean => packet.topic === topic;
}
