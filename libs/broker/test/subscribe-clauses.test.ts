import type { IPublishPacket } from 'mqtt-packet';
import { connect, startBrokerWithMember } from './support/driver.ts';
import type { RawClient, Target } from './support/driver.ts';
import { frame, uint16 } from './support/packet-bytes.ts';

let target: Target;
beforeEach(async () => {
  target = await startBrokerWithMember();
});
afterEach(() => target.stop());

const five = { protocolVersion: 5 as const };
const persistent = { ...five, clean: false, properties: { sessionExpiryInterval: 100 } };

const payloads = (client: RawClient): string[] => client.publishes.map(({ payload }) => payload.toString());

interface Options {
  readonly identifier?: number;
  readonly qos?: 0 | 1 | 2;
  readonly nl?: boolean;
  readonly rap?: boolean;
  readonly rh?: number;
}

let lastPacketId = 0;

async function subscribe(client: RawClient, topic: string, options: Options = {}): Promise<void> {
  const { identifier, qos = 1, ...more } = options;
  const messageId = ++lastPacketId;
  client.send({
    cmd: 'subscribe',
    messageId,
    subscriptions: [{ topic, qos, ...more }],
    ...(identifier !== undefined && { properties: { subscriptionIdentifier: identifier } }),
  });
  const { granted } = await client.next('suback', (packet) => packet.messageId === messageId);
  expect(granted).toEqual([qos]);
}

async function deliver(
  client: RawClient,
  topic: string,
  payload: string,
  more: Partial<IPublishPacket> = {},
): Promise<void> {
  const messageId = ++lastPacketId;
  client.publish(topic, payload, { qos: 1, messageId, ...more });
  if (more.qos === 0) return client.settle();
  await client.next(more.qos === 2 ? 'pubrec' : 'puback', (packet) => packet.messageId === messageId);
}

/** The kinds of session differ in where their subscriptions and queues are: at the home, or in the log. */
const sessions = [
  ['clean', five],
  ['persistent', persistent],
] as const;

describe.each(sessions)('a %s session:', (_kind, options) => {
  test('SUBACK and UNSUBACK have the packet identifier of their request, and a code per filter in its order [3.1.1 MQTT-2.3.1-7] [5.0 MQTT-2.2.1-6] [3.1.1 MQTT-3.8.4-1] [5.0 MQTT-3.8.4-1] [3.1.1 MQTT-3.8.4-2] [5.0 MQTT-3.8.4-2] [3.1.1 MQTT-3.8.4-4] [5.0 MQTT-3.8.4-5] [5.0 MQTT-3.8.4-6] [5.0 MQTT-3.8.4-7] [3.1.1 MQTT-3.9.3-1] [5.0 MQTT-3.9.3-1] [5.0 MQTT-3.9.3-2] [3.1.1 MQTT-3.10.4-4] [5.0 MQTT-3.10.4-4] [3.1.1 MQTT-3.10.4-5] [5.0 MQTT-3.10.4-5] [3.1.1 MQTT-3.10.4-6] [5.0 MQTT-3.10.4-6] [5.0 MQTT-3.11.3-1] [5.0 MQTT-3.11.3-2]', async () => {
    const client = await connect(target, 'c', options);
    client.send({
      cmd: 'subscribe',
      messageId: 500,
      subscriptions: [
        { topic: 'a', qos: 2 },
        { topic: '$share/g/a', qos: 0 },
        { topic: '$bridge/x', qos: 1 },
        { topic: 'b/+', qos: 1 },
        { topic: 'a', qos: 0 },
      ],
    });
    await expect(client.next('suback')).resolves.toMatchObject({
      messageId: 500,
      granted: [2, 0, 0x87, 1, 0],
    });
    client.send({
      cmd: 'unsubscribe',
      messageId: 501,
      unsubscriptions: ['b/+', 'b/c', 'a', 'a', '$share/g/a'],
    });
    await expect(client.next('unsuback')).resolves.toMatchObject({
      messageId: 501,
      granted: [0, 0x11, 0, 0x11, 0],
    });
  });

  test('UNSUBSCRIBE deletes exactly the filter with the same characters, and then no new message arrives [3.1.1 MQTT-3.10.4-1] [5.0 MQTT-3.10.4-1] [3.1.1 MQTT-3.10.4-2] [5.0 MQTT-3.10.4-2]', async () => {
    const client = await connect(target, 'c', options);
    await subscribe(client, 'a/+', { identifier: 1 });
    await subscribe(client, 'a/b', { identifier: 2 });
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a/+', 'a/B'] });
    await expect(client.next('unsuback')).resolves.toMatchObject({ granted: [0, 0x11] });
    await deliver(client, 'a/b', 'x');
    await deliver(client, 'a/c', 'x');
    const received = await client.next('publish');
    expect(received.properties?.subscriptionIdentifier).toBe(2);
    await client.settle();
    expect(client.publishes).toHaveLength(1);
  });

  test('UNSUBSCRIBE does not stop a delivery that has begun [3.1.1 MQTT-3.10.4-3] [5.0 MQTT-3.10.4-3]', async () => {
    const client = await connect(target, 'c', options);
    await subscribe(client, 'a', { qos: 2 });
    await deliver(client, 'a', 'x', { qos: 2 });
    const { messageId = 0 } = await client.next('publish');
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a'] });
    await client.next('unsuback');
    client.send({ cmd: 'pubrec', messageId });
    await expect(client.next('pubrel')).resolves.toMatchObject({ messageId });
  });

  test('a message has the identifiers of all matching subscriptions, and the highest of their QoS [5.0 MQTT-3.3.4-2] [5.0 MQTT-3.3.4-3] [5.0 MQTT-3.3.4-4]', async () => {
    const client = await connect(target, 'c', options);
    await subscribe(client, 'a/#', { identifier: 268_435_455, qos: 0 });
    await subscribe(client, 'a/b', { identifier: 1, qos: 1 });
    await subscribe(client, '+/b', { qos: 0 });
    await subscribe(client, 'other', { identifier: 3 });
    await deliver(client, 'a/b', 'x', { qos: 2 });
    const received = await client.next('publish');
    expect(received.qos).toBe(1);
    const identifiers = received.properties?.subscriptionIdentifier as unknown as number[];
    expect([...identifiers].sort((left, right) => left - right)).toEqual([1, 268_435_455]);
    await deliver(client, 'a/c', 'y', { qos: 0 });
    expect((await client.next('publish')).properties?.subscriptionIdentifier).toBe(268_435_455);
    await client.settle();
    expect(client.publishes).toHaveLength(2);
  });

  test('a repeated SUBSCRIBE replaces the identifier and the options of its filter [5.0 MQTT-3.8.4-3]', async () => {
    const client = await connect(target, 'c', options);
    await subscribe(client, 'a', { identifier: 1, qos: 0, nl: true });
    await subscribe(client, 'a', { qos: 1 });
    await deliver(client, 'a', 'x');
    const received = await client.next('publish');
    expect(received).toMatchObject({ qos: 1 });
    expect(received.properties?.subscriptionIdentifier).toBeUndefined();
  });

  test('a publish at QoS 0, 1 and 2 arrives at the lower of its QoS and the granted QoS [5.0 MQTT-3.8.4-8] [5.0 MQTT-3.2.2-10] [3.1.1 MQTT-4.5.0-1] [5.0 MQTT-4.5.0-1]', async () => {
    const publisher = await connect(target, 'p', five);
    for (const granted of [0, 1, 2] as const) {
      const client = await connect(target, `c${granted}`, options);
      await subscribe(client, 'a', { qos: granted });
      for (const qos of [0, 1, 2] as const) {
        await deliver(publisher, 'a', 'x', { qos });
        await expect(client.next('publish')).resolves.toMatchObject({ qos: Math.min(qos, granted) });
      }
      await client.disconnect();
    }
  });

  test('No Local: a client does not receive its own messages [5.0 MQTT-3.8.3-3]', async () => {
    const client = await connect(target, 'c', options);
    const other = await connect(target, 'other', five);
    await subscribe(client, 'a', { nl: true });
    for (const qos of [0, 1, 2] as const) {
      await deliver(client, 'a', 'own', { qos });
      await deliver(other, 'a', `other ${qos}`, { qos });
    }
    for (let count = 0; count < 3; count++) await client.next('publish');
    await client.settle();
    expect(payloads(client).sort()).toEqual(['other 0', 'other 1', 'other 2']);
  });

  test.each([false, true])(
    'Retain As Published %s decides about RETAIN of forwarded messages [5.0 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-13]',
    async (rap) => {
      const client = await connect(target, 'c', options);
      await subscribe(client, 'a', { rap });
      for (const qos of [0, 1] as const) {
        for (const retain of [false, true]) {
          await deliver(client, 'a', 'x', { qos, retain });
          await expect(client.next('publish')).resolves.toMatchObject({ qos, retain: retain && rap });
        }
      }
    },
  );

  test('Retain Handling 0, 1 and 2 decide which SUBSCRIBE receives retained messages, with RETAIN 1 [5.0 MQTT-3.3.1-9] [5.0 MQTT-3.3.1-10] [5.0 MQTT-3.3.1-11] [5.0 MQTT-3.8.4-4]', async () => {
    const publisher = await connect(target, 'p', five);
    for (const qos of [0, 1, 2] as const)
      await deliver(publisher, `r/${qos}`, String(qos), { qos, retain: true });
    const client = await connect(target, 'c', options);
    const count = async (rh: number): Promise<number> => {
      const before = client.publishes.length;
      await subscribe(client, 'r/+', { qos: 2, rh });
      await client.settle();
      const received = client.publishes.slice(before);
      for (const { retain, qos, payload, messageId = 0 } of received) {
        expect(retain).toBe(true);
        expect(qos).toBe(Number(payload.toString()));
        if (qos === 1) client.send({ cmd: 'puback', messageId });
        if (qos === 2) {
          client.send({ cmd: 'pubrec', messageId });
          await client.next('pubrel');
          client.send({ cmd: 'pubcomp', messageId });
        }
      }
      await client.settle();
      return received.length;
    };
    expect(await count(2)).toBe(0);
    expect(await count(1)).toBe(0); // the subscription exists
    expect(await count(0)).toBe(3);
    expect(await count(0)).toBe(3);
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['r/+'] });
    await client.next('unsuback');
    expect(await count(1)).toBe(3);
    expect(await count(1)).toBe(0);
  });

  test.each([0, 1, 2] as const)(
    'a shared subscription receives a message of QoS %d with its identifier, at its granted QoS, with RETAIN as published, and no retained messages [5.0 MQTT-4.8.2-3] [5.0 MQTT-3.3.4-3] [5.0 MQTT-3.3.1-13]',
    async (qos) => {
      const publisher = await connect(target, 'p', five);
      await deliver(publisher, 'a', 'old', { qos: 1, retain: true });
      const client = await connect(target, 'c', options);
      await subscribe(client, '$share/g/a', { qos: 1, identifier: 7, rap: true });
      for (const retain of [false, true]) {
        await deliver(publisher, 'a', `new ${retain}`, { qos, retain });
        const received = await client.next('publish');
        expect(received).toMatchObject({ qos: Math.min(qos, 1), retain });
        expect(received.payload.toString()).toBe(`new ${retain}`);
        expect(received.properties?.subscriptionIdentifier).toBe(7);
      }
    },
  );

  test('a client with a shared and an own subscription receives both copies, each with its own identifier', async () => {
    const client = await connect(target, 'c', options);
    await subscribe(client, '$share/g/a', { identifier: 1 });
    await subscribe(client, 'a', { identifier: 2 });
    await deliver(client, 'a', 'x');
    const received = [await client.next('publish'), await client.next('publish')];
    const identifiers = received.map(
      (packet) => packet.properties?.subscriptionIdentifier as unknown as number,
    );
    expect(identifiers.sort()).toEqual([1, 2]);
  });
});

describe('a shared subscription', () => {
  test('delivers each message to one of its clients, and to the others after one has left', async () => {
    const one = await connect(target, 'one', five);
    const two = await connect(target, 'two', five);
    for (const client of [one, two]) await subscribe(client, '$share/g/a');
    const publisher = await connect(target, 'p', five);
    for (let number = 0; number < 10; number++) await deliver(publisher, 'a', String(number));
    await one.settle();
    await two.settle();
    expect(one.publishes.length + two.publishes.length).toBe(10);
    expect(Math.min(one.publishes.length, two.publishes.length)).toBeGreaterThan(0);
    const before = two.publishes.length;
    await one.disconnect();
    for (let number = 10; number < 15; number++) await deliver(publisher, 'a', String(number));
    for (const { messageId = 0 } of two.publishes) two.send({ cmd: 'puback', messageId });
    await two.settle();
    expect(two.publishes.length).toBeGreaterThanOrEqual(before + 5);
  });

  test('without a connected client queues its messages for a persistent session', async () => {
    const client = await connect(target, 'c', persistent);
    await subscribe(client, '$share/g/a');
    await client.disconnect();
    const publisher = await connect(target, 'p', five);
    await deliver(publisher, 'a', 'x');
    const again = await connect(target, 'c', persistent);
    await expect(again.next('publish')).resolves.toMatchObject({ payload: Buffer.from('x') });
  });

  test.each([1, 2] as const)(
    'does not send a message of QoS %d that its client refused to another client [5.0 MQTT-4.8.2-6]',
    async (qos) => {
      const one = await connect(target, 'one', five);
      await subscribe(one, '$share/g/a', { qos });
      const publisher = await connect(target, 'p', five);
      await deliver(publisher, 'a', 'x', { qos });
      const { messageId = 0 } = await one.next('publish');
      const two = await connect(target, 'two', five);
      await subscribe(two, '$share/g/a', { qos });
      one.sendBytes(frame(qos === 1 ? 0x40 : 0x50, uint16(messageId), [0x83]));
      await one.settle();
      await one.disconnect();
      await two.settle();
      expect(two.publishes).toEqual([]);
    },
  );
});
