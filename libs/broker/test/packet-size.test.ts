import { generate } from 'mqtt-packet';
import type { IConnectPacket } from 'mqtt-packet';
import { encodeConnackRefusal, encodeDisconnect } from '../src/codec/encode-control.ts';
import type { BrokerOptions } from '../src/index.ts';
import { connect, connectPacket, open, startBroker } from './support/driver.ts';
import type { BrokerTarget, RawClient } from './support/driver.ts';

const targets: BrokerTarget[] = [];

async function start(options: Partial<BrokerOptions> = {}): Promise<BrokerTarget> {
  const target = await startBroker({ serverReference: () => 'other.example:1883', ...options });
  targets.push(target);
  return target;
}

afterEach(async () => {
  for (const target of targets.splice(0)) await target.stop();
});

/** Records the bytes that the client receives. */
function received(client: RawClient): { readonly bytes: Buffer } {
  const record = { bytes: Buffer.alloc(0) };
  client.stream.on('data', (chunk: Buffer) => (record.bytes = Buffer.concat([record.bytes, chunk])));
  return record;
}

function withMaximum(maximumPacketSize: number, more: Partial<IConnectPacket> = {}): Partial<IConnectPacket> {
  return { protocolVersion: 5, ...more, properties: { maximumPacketSize, ...more.properties } };
}

/** The size of a CONNACK without the capabilities whose absence means the same. */
const smallConnackBytes = 16;

describe('CONNACK', () => {
  test('has all capabilities if it fits', async () => {
    const target = await start();
    const client = await connect(target, 'c', withMaximum(100));
    expect(client.packets[0]).toMatchObject({
      reasonCode: 0,
      properties: { retainAvailable: true, sharedSubscriptionAvailable: true, receiveMaximum: 100 },
    });
  });

  test('leaves out capabilities whose absence means the same, and keeps all limits [5.0 MQTT-3.1.2-24]', async () => {
    const target = await start();
    const client = open(target, 5);
    const record = received(client);
    client.send(connectPacket('c', withMaximum(20)));
    const { properties } = await client.next('connack');
    expect(properties).toEqual({
      receiveMaximum: 100,
      maximumPacketSize: 256 * 1024,
      topicAliasMaximum: 10,
    });
    expect(record.bytes).toHaveLength(smallConnackBytes);
  });

  test('is not sent, and the connection is closed, if it exceeds the Maximum Packet Size [5.0 MQTT-3.1.2-24]', async () => {
    const target = await start({ limits: { keepAliveSecondsMax: 10 } });
    for (const bytes of [1, smallConnackBytes, smallConnackBytes + 2]) {
      const client = open(target, 5);
      const record = received(client);
      client.send(connectPacket('c', withMaximum(bytes)));
      await client.closed;
      expect(record.bytes).toHaveLength(0);
    }
    expect(target.broker.counters().refusals.other).toBe(3);
    expect(target.port.disconnects).toHaveLength(3);
    const client = await connect(target, 'c', withMaximum(smallConnackBytes + 3));
    expect(client.packets[0]).toMatchObject({ properties: { serverKeepAlive: 10 } });
  });

  test('keeps the Assigned Client Identifier, or is not sent [5.0 MQTT-3.2.2-16] [5.0 MQTT-3.1.2-24]', async () => {
    const target = await start();
    const small = open(target, 5);
    small.send(connectPacket('', withMaximum(60)));
    await small.closed;
    expect(small.packets).toEqual([]);
    const client = open(target, 5);
    client.send(connectPacket('', withMaximum(64)));
    const { properties } = await client.next('connack');
    expect(properties?.assignedClientIdentifier).toMatch(/^assigned-/);
  });

  test('of a refusal leaves out the Server Reference if it does not fit [5.0 MQTT-3.2.2-19]', async () => {
    const target = await start();
    target.port.refusal = 'draining';
    const sizes = new Map<number, string | undefined>();
    for (const bytes of [5, 26, 27, 200]) {
      const client = open(target, 5);
      const record = received(client);
      client.send(connectPacket('c', withMaximum(bytes)));
      const connack = await client.next('connack');
      expect(connack.reasonCode).toBe(0x9c);
      expect(record.bytes.length).toBeLessThanOrEqual(bytes);
      sizes.set(bytes, connack.properties?.serverReference);
    }
    expect([...sizes.values()]).toEqual([
      undefined,
      'other.example:1883',
      'other.example:1883',
      'other.example:1883',
    ]);
  });

  test('of a malformed CONNECT has a Reason String if it fits [5.0 MQTT-3.2.2-19]', async () => {
    const target = await start();
    const answers: (string | undefined)[] = [];
    for (const bytes of [5, 100]) {
      const client = open(target, 5);
      const valid = generate(connectPacket('c', withMaximum(bytes)), { protocolVersion: 5 });
      const malformed = Buffer.concat([valid, Buffer.from([0])]);
      malformed[1] = malformed.length - 2;
      client.sendBytes(malformed);
      const connack = await client.next('connack');
      expect(connack.reasonCode).toBe(0x81);
      answers.push(connack.properties?.reasonString);
    }
    expect(answers).toEqual([undefined, 'bytes remain after the last field']);
  });
});

test.each([
  ['CONNACK', encodeConnackRefusal.bind(null, 5), 5],
  ['DISCONNECT', encodeDisconnect, 4],
] as const)(
  '%s leaves out the Reason String first, then the Server Reference [5.0 MQTT-3.2.2-19] [5.0 MQTT-3.14.2-3]',
  (_name, encode, bareBytes) => {
    const details = { reasonCode: 0x9c, reasonString: 'draining', serverReference: 'other.example:1883' };
    const includes = (bytesMax: number): [number, boolean, boolean] => {
      const text = encode(details, bytesMax)?.toString('latin1') ?? '';
      return [text.length, text.includes('draining'), text.includes('other.example')];
    };
    // Each property has an identifier and a length: three bytes besides its text.
    const [withReference, withBoth] = [bareBytes + 21, bareBytes + 32];
    expect(includes(withBoth)).toEqual([withBoth, true, true]);
    expect(includes(withBoth - 1)).toEqual([withReference, false, true]);
    expect(includes(withReference - 1)).toEqual([bareBytes, false, false]);
    expect(encode(details, bareBytes - 1)).toBeNull();
  },
);

describe('a client with a Maximum Packet Size', () => {
  test.each([
    ['SUBACK', 'subscribe', 80, 60],
    ['UNSUBACK', 'unsubscribe', 80, 60],
  ] as const)(
    'is disconnected with 0x95, before its packet has an effect, if %s would exceed it [5.0 MQTT-3.1.2-24]',
    async (_name, cmd, filters, bytes) => {
      const target = await start();
      const client = await connect(target, 'c', withMaximum(bytes));
      const record = received(client);
      const topics = Array.from({ length: filters }, (_, index) => `t${index}`);
      if (cmd === 'subscribe') {
        const subscriptions = topics.map((topic) => ({ topic, qos: 0 as const }));
        client.send({ cmd, messageId: 1, subscriptions });
      } else client.send({ cmd, messageId: 1, unsubscriptions: topics });
      await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x95 });
      await client.closed;
      expect(record.bytes.length).toBeLessThanOrEqual(bytes);
      expect(target.port.inputKinds).not.toContain(cmd);
    },
  );

  test('receives SUBACK and UNSUBACK that fit exactly', async () => {
    const target = await start();
    const client = await connect(target, 'c', withMaximum(20));
    const topics = Array.from({ length: 15 }, (_, index) => `t${index}`);
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: topics.map((topic) => ({ topic, qos: 0 as const })),
    });
    await client.next('suback');
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: topics });
    await client.next('unsuback');
  });

  test.each([0, 1, 2] as const)(
    'does not receive a larger PUBLISH of QoS %d; the message counts as delivered and is counted [5.0 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-25]',
    async (qos) => {
      const target = await start();
      const client = await connect(target, 'c', withMaximum(40, { properties: { receiveMaximum: 1 } }));
      await client.subscribe(1, 'a', qos);
      const publisher = await connect(target, 'p');
      publisher.publish('a', 'x'.repeat(100), { qos, messageId: 1 });
      publisher.publish('a', 'small', { qos, messageId: 2 });
      await expect(client.next('publish')).resolves.toMatchObject({ payload: Buffer.from('small') });
      expect(client.publishes).toHaveLength(1);
      expect(target.broker.counters().deliveriesTooLarge).toBe(1);
    },
  );

  test('receives a DISCONNECT without Reason String if the Reason String does not fit [5.0 MQTT-3.14.2-3]', async () => {
    const target = await start();
    const reasons: (string | undefined)[] = [];
    for (const bytes of [20, 200]) {
      const client = await connect(target, `c${bytes}`, withMaximum(bytes));
      const record = received(client);
      client.sendBytes([0x36, 0]);
      const disconnect = await client.next('disconnect');
      expect(disconnect.reasonCode).toBe(0x81);
      expect(record.bytes.length).toBeLessThanOrEqual(bytes);
      reasons.push(disconnect.properties?.reasonString);
    }
    expect(reasons).toEqual([undefined, 'PUBLISH has QoS 3']);
  });

  test('receives acknowledgements with a reason code, which are never larger than its CONNACK', async () => {
    const target = await start();
    target.port.full = true;
    const client = await connect(target, 'c', withMaximum(smallConnackBytes));
    client.publish('a', 'x', { qos: 1, messageId: 1 });
    await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x97 });
    client.publish('a', 'x', { qos: 2, messageId: 2 });
    await expect(client.next('pubrec')).resolves.toMatchObject({ reasonCode: 0x97 });
    await client.settle();
  });
});
