import { generate } from 'mqtt-packet';
import { connect, connectPacket, open, startBroker } from './support/driver.ts';
import type { BrokerTarget, RawClient } from './support/driver.ts';

let target: BrokerTarget;
beforeEach(async () => {
  target = await startBroker({ serverReference: () => 'other.example:1883' });
});
afterEach(() => target.stop());

const five = { protocolVersion: 5 as const };

test('CONNACK reports the capabilities of the server (MQTT 5, 3.2.2.3)', async () => {
  const client = open(target, 5);
  client.send(connectPacket('c', five));
  await expect(client.next('connack')).resolves.toMatchObject({
    reasonCode: 0,
    properties: {
      receiveMaximum: 100,
      maximumPacketSize: 256 * 1024,
      topicAliasMaximum: 10,
      sharedSubscriptionAvailable: true,
    },
  });
});

test('CONNACK has a Session Expiry Interval only if the member grants another one than CONNECT requests [5.0 3.2.2.3.2]', async () => {
  target.port.expirySecondsMax = 100;
  const intervals = [100, 0xffffffff].map(async (sessionExpiryInterval) => {
    const client = open(target, 5);
    client.send(
      connectPacket(`c-${sessionExpiryInterval}`, {
        ...five,
        clean: false,
        properties: { sessionExpiryInterval },
      }),
    );
    return (await client.next('connack')).properties?.sessionExpiryInterval;
  });
  expect(await Promise.all(intervals)).toEqual([undefined, 100]);
});

test('the broker passes the session expiry, Receive Maximum and will of CONNECT to the member (MQTT 5, 3.1.2.11)', async () => {
  await connect(target, 'c', {
    ...five,
    clean: false,
    properties: { sessionExpiryInterval: 60, receiveMaximum: 7 },
    will: {
      topic: 'w',
      payload: Buffer.from('gone'),
      qos: 1,
      retain: true,
      properties: { willDelayInterval: 5, contentType: 'text/plain' },
    },
  });
  expect(target.port.requests).toMatchObject([
    {
      client: 'c',
      clean: false,
      sessionExpirySeconds: 60,
      receiveMaximum: 7,
      will: { topic: 'w', qos: 1, retain: true, delaySeconds: 5, properties: { contentType: 'text/plain' } },
    },
  ]);
});

test('the broker forwards message properties unaltered, and keeps the order of user properties (MQTT 5, 3.3.2.3)', async () => {
  const subscriber = await connect(target, 's', five);
  await subscriber.subscribe(1, 'a', 1);
  let bytes = Buffer.alloc(0);
  subscriber.stream.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
  const publisher = await connect(target, 'p', five);
  const pair = (name: string, value: string): number[] => [
    38,
    ...[name, value].flatMap((part) => [0, part.length, ...Buffer.from(part)]),
  ];
  const properties = [
    [1, 1],
    [2, 0, 0, 0, 60],
    [3, 0, 1, 0x63],
    [8, 0, 1, 0x72],
    [9, 0, 2, 0xff, 0x00],
    pair('z', '1'),
    pair('a', '2'),
    pair('z', '3'),
  ].flat();
  publisher.sendBytes([
    0x30,
    3 + 1 + properties.length + 1,
    0,
    1,
    0x61,
    properties.length,
    ...properties,
    0x78,
  ]);
  await expect(subscriber.next('publish')).resolves.toMatchObject({
    properties: {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'c',
      responseTopic: 'r',
      correlationData: Buffer.from([0xff, 0]),
    },
  });
  expect(bytes.includes(Buffer.from([...pair('z', '1'), ...pair('a', '2'), ...pair('z', '3')]))).toBe(true);
});

test('the broker replaces a topic alias by its topic for subscribers (MQTT 5, 3.3.2.3.4)', async () => {
  const subscriber = await connect(target, 's', five);
  await subscriber.subscribe(1, 'a/b', 0);
  const publisher = await connect(target, 'p', five);
  publisher.publish('a/b', '1', { properties: { topicAlias: 3 } });
  publisher.publish('', '2', { properties: { topicAlias: 3 } });
  await subscriber.next('publish');
  const second = await subscriber.next('publish');
  expect(second).toMatchObject({ topic: 'a/b' });
  expect(second.properties?.topicAlias).toBeUndefined();
});

test('the broker applies subscription options and subscription identifiers (MQTT 5, 3.8.3.1) [5.0 MQTT-3.3.4-4]', async () => {
  const client = await connect(target, 'c', five);
  const subscribe = (messageId: number, topic: string, identifier: number, options: object): void =>
    client.send({
      cmd: 'subscribe',
      messageId,
      subscriptions: [{ topic, qos: 0, ...options }],
      properties: { subscriptionIdentifier: identifier },
    });
  subscribe(1, 'a/#', 11, { rap: true });
  subscribe(2, 'a/b', 12, {});
  subscribe(3, 'mine', 13, { nl: true });
  for (let count = 0; count < 3; count++) await client.next('suback');
  client.publish('mine', 'x');
  client.publish('a/b', 'x', { retain: true });
  const received = await client.next('publish');
  expect(received.topic).toBe('a/b');
  expect(received.retain).toBe(true);
  expect(received.properties?.subscriptionIdentifier).toEqual([11, 12]);
});

test('UNSUBACK reports which subscriptions existed (MQTT 5, 3.11.3)', async () => {
  const client = await connect(target, 'c', five);
  await client.subscribe(1, 'a', 0);
  client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a', 'b'] });
  await expect(client.next('unsuback')).resolves.toMatchObject({ granted: [0, 0x11] });
});

test('SUBACK contains the code of a rejected filter at the position of the filter (MQTT 5, 3.9.3)', async () => {
  const client = await connect(target, 'c', five);
  client.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [
      { topic: 'a', qos: 1 },
      { topic: '$bridge/raft', qos: 0 },
      { topic: '/'.repeat(101), qos: 0 },
      { topic: '$share/g/$bridge/#', qos: 0 },
      { topic: 'b', qos: 2 },
    ],
  });
  await expect(client.next('suback')).resolves.toMatchObject({ granted: [1, 0x87, 0x8f, 0x87, 2] });
  client.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: '$bridge/#', qos: 0 }] });
  await expect(client.next('suback')).resolves.toMatchObject({ messageId: 2, granted: [0x87] });
});

test("the broker rejects a publish to the server's topics with PUBACK or PUBREC 0x87", async () => {
  const client = await connect(target, 'c', five);
  client.publish('$SYS/x', 'x', { qos: 1, messageId: 1 });
  await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x87 });
  client.publish('$bridge/raft', 'x', { qos: 2, messageId: 2 });
  await expect(client.next('pubrec')).resolves.toMatchObject({ reasonCode: 0x87 });
  expect(target.port.inputKinds).not.toContain('publish');
});

test('the broker rejects a publish with reason code Quota exceeded if the member rejects it because of a quota (MQTT 5, 3.4.2.1)', async () => {
  target.port.full = true;
  const client = await connect(target, 'c', five);
  client.publish('a', 'x', { qos: 1, messageId: 1 });
  await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x97 });
  client.publish('a', 'x', { qos: 2, messageId: 2 });
  await expect(client.next('pubrec')).resolves.toMatchObject({ reasonCode: 0x97 });
  const old = await connect(target, 'old');
  old.publish('a', 'x', { qos: 1, messageId: 1 });
  await old.closed; // MQTT 3.1.1 has no negative acknowledgement.
  expect(old.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
});

test('the broker disconnects a client with 0x93 if the client exceeds Receive Maximum [5.0 MQTT-3.3.4-7]', async () => {
  const client = await connect(target, 'c', five);
  for (let messageId = 1; messageId <= 101; messageId++) client.publish('a', 'x', { qos: 2, messageId });
  await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x93 });
});

test('a PUBREC with a failure code from a subscriber ends the QoS 2 exchange without PUBREL (MQTT 5, 4.3.3)', async () => {
  const client = await connect(target, 'c', five);
  await client.subscribe(1, 'a', 2);
  client.publish('a', 'x', { qos: 2, messageId: 1 });
  const { messageId = 0 } = await client.next('publish');
  client.sendBytes([0x50, 3, messageId >> 8, messageId & 255, 0x83]);
  await client.settle();
  expect(client.packets.filter(({ cmd }) => cmd === 'pubrel')).toEqual([]);
  expect(client.isClosed).toBe(false);
});

test('the broker disconnects the old connection with 0x8E at a takeover [5.0 MQTT-3.1.4-3]', async () => {
  const old = await connect(target, 'c', five);
  await connect(target, 'c', five);
  await expect(old.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x8e });
  await old.closed;
  // The member closed the old connection itself, so the broker does not report the disconnect to the member.
  expect(target.port.disconnects).toEqual([]);
});

test.each([
  ['draining', 0x9c, 'other.example:1883'],
  ['isolated', 0x9c, 'other.example:1883'],
  ['notServing', 0x88, undefined],
  ['quotaExceeded', 0x97, undefined],
] as const)(
  'a client that the member rejects with reason "%s" receives CONNACK reason code %d',
  async (reason, reasonCode, serverReference) => {
    target.port.refusal = reason;
    const client = open(target, 5);
    client.send(connectPacket('c', five));
    const connack = await client.next('connack');
    expect(connack.reasonCode).toBe(reasonCode);
    expect(connack.properties?.serverReference).toBe(serverReference);
    await client.closed;
    const old = open(target);
    old.send(connectPacket('c'));
    await expect(old.next('connack')).resolves.toMatchObject({ returnCode: 3, sessionPresent: false });
    await old.closed;
  },
);

test('a client whose session belongs to another user receives CONNACK 0x87, with MQTT 3.1.1 return code 5', async () => {
  target.port.refusal = 'notAuthorized';
  const client = open(target, 5);
  client.send(connectPacket('c', five));
  await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x87 });
  await client.closed;
  const old = open(target);
  old.send(connectPacket('c'));
  await expect(old.next('connack')).resolves.toMatchObject({ returnCode: 5, sessionPresent: false });
  await old.closed;
  expect(target.broker.counters().refusals.not_authorized).toBe(2);
});

test('a connected client whose user was deleted receives DISCONNECT 0x87', async () => {
  const client = await connect(target, 'c', five);
  target.port.emit({ kind: 'close', connection: 1, reason: 'notAuthorized' });
  await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x87 });
  await client.closed;
});

test('the broker redirects a connected client when the member closes its connection because the member drains', async () => {
  const client = await connect(target, 'c', five);
  target.port.emit({ kind: 'close', connection: 1, reason: 'draining' });
  await expect(client.next('disconnect')).resolves.toMatchObject({
    reasonCode: 0x9c,
    properties: { serverReference: 'other.example:1883' },
  });
});

describe('DISCONNECT (MQTT 5, 3.14)', () => {
  async function leave(bytes: readonly number[], expiry = 0): Promise<void> {
    const client: RawClient = await connect(target, 'c', {
      ...five,
      properties: { sessionExpiryInterval: expiry },
    });
    client.sendBytes(bytes);
    await client.closed;
  }

  test('with reason code 0x00 is a graceful disconnect', async () => {
    await leave([0xe0, 0]);
    expect(target.port.disconnects).toEqual([{ connection: 1, graceful: true }]);
  });

  test('with reason code 0x04 publishes the will', async () => {
    await leave([0xe0, 1, 0x04]);
    expect(target.port.disconnects).toEqual([{ connection: 1, graceful: false }]);
  });

  test('changes the session expiry interval', async () => {
    await leave([0xe0, 7, 0, 5, 17, 0, 0, 0, 9], 60);
    expect(target.port.disconnects).toEqual([{ connection: 1, graceful: true, sessionExpirySeconds: 9 }]);
  });

  test('takes effect after earlier packets and before later bytes of the same segment', async () => {
    const client = await connect(target, 'c', five);
    client.sendBytes(
      generate({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false }, five),
      [0xe0, 0],
      [0xff, 0xff],
    );
    await client.closed;
    expect(target.port.inputKinds.filter((call) => call === 'publish' || call === 'disconnect')).toEqual([
      'publish',
      'disconnect',
    ]);
  });
});
