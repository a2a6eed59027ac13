import type { IPublishPacket, UserProperties } from 'mqtt-packet';
import { connect, open, connectPacket, startBrokerWithMember } from './support/driver.ts';
import type { RawClient, Target } from './support/driver.ts';
import { frame, properties, text, uint16, uint32 } from './support/packet-bytes.ts';

let target: Target;
beforeEach(async () => {
  target = await startBrokerWithMember({ limits: { receiveMaximum: 3 } });
});
afterEach(() => target.stop());

const five = { protocolVersion: 5 as const };

const payloads = (client: RawClient): string[] => client.publishes.map(({ payload }) => payload.toString());

/** Acknowledges a received PUBLISH of QoS 1 or 2, and completes a QoS 2 exchange. */
async function acknowledge(client: RawClient, { qos, messageId = 0 }: IPublishPacket): Promise<void> {
  if (qos === 1) client.send({ cmd: 'puback', messageId });
  if (qos !== 2) return;
  client.send({ cmd: 'pubrec', messageId });
  await client.next('pubrel', (packet) => packet.messageId === messageId);
  client.send({ cmd: 'pubcomp', messageId });
}

/** Publishes and waits for the end of the exchange. Returns the reason code of PUBACK or PUBREC. */
async function deliver(
  client: RawClient,
  topic: string,
  payload: string,
  qos: 1 | 2,
  messageId: number,
  more: Partial<IPublishPacket> = {},
): Promise<number> {
  client.publish(topic, payload, { qos, messageId, ...more });
  const answer = await client.next(qos === 1 ? 'puback' : 'pubrec');
  expect(answer.messageId).toBe(messageId);
  if (qos === 2) {
    client.send({ cmd: 'pubrel', messageId });
    await expect(client.next('pubcomp')).resolves.toMatchObject({ messageId });
  }
  return answer.reasonCode ?? 0;
}

test.each([0, 1, 2] as const)(
  'at QoS %d all properties of a message are forwarded unaltered and in their order [5.0 MQTT-3.3.2-4] [5.0 MQTT-3.3.2-15] [5.0 MQTT-3.3.2-16] [5.0 MQTT-3.3.2-17] [5.0 MQTT-3.3.2-18] [5.0 MQTT-3.3.2-20]',
  async (qos) => {
    const subscriber = await connect(target, 's', five);
    await subscriber.subscribe(1, 'a', qos);
    let bytes = Buffer.alloc(0);
    subscriber.stream.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
    const pairs = [
      [38, text('z'), text('1')],
      [38, text('a'), text('2')],
      [38, text('z'), text('1')],
      [38, text(''), text('')],
    ];
    const all = properties([1, 0], [3, text('type')], [8, text('answer')], [9, text([0, 255])], ...pairs);
    const publisher = await connect(target, 'p', five);
    publisher.sendBytes(frame(0x30 | (qos << 1), text('a'), qos > 0 ? uint16(1) : [], all, [0x78]));
    await expect(subscriber.next('publish')).resolves.toMatchObject({
      qos,
      properties: {
        payloadFormatIndicator: false,
        contentType: 'type',
        responseTopic: 'answer',
        correlationData: Buffer.from([0, 255]),
      },
    });
    expect(bytes.includes(Buffer.from(properties(...pairs).slice(1)))).toBe(true);
  },
);

test('the payload is forwarded unaltered also if it contradicts the Payload Format Indicator (the check is optional) [5.0 MQTT-3.3.2-4]', async () => {
  const subscriber = await connect(target, 's', five);
  await subscriber.subscribe(1, 'a', 1);
  const publisher = await connect(target, 'p', five);
  publisher.sendBytes(frame(0x32, text('a'), uint16(1), properties([1, 1]), [0xff, 0xfe]));
  await expect(publisher.next('puback')).resolves.toMatchObject({ messageId: 1 });
  await expect(subscriber.next('publish')).resolves.toMatchObject({ payload: Buffer.from([0xff, 0xfe]) });
});

test('U+FEFF in a topic is kept, and topics are not normalised [3.1.1 MQTT-1.5.3-3] [5.0 MQTT-1.5.4-3] [3.1.1 MQTT-4.7.3-4] [5.0 MQTT-4.7.3-4]', async () => {
  for (const protocolVersion of [4, 5] as const) {
    const client = await connect(target, `c${protocolVersion}`, { protocolVersion });
    await client.subscribe(1, '\uFEFFa', 0);
    await client.subscribe(2, 'e\u0301', 0);
    for (const topic of ['a', '\u00E9', '\uFEFFa', 'e\u0301']) client.publish(topic, 'x');
    await client.next('publish');
    await client.next('publish');
    await client.settle();
    expect(client.publishes.map(({ topic }) => topic)).toEqual(['\uFEFFa', 'e\u0301']);
  }
});

describe.each([4, 5] as const)('protocol level %d:', (protocolVersion) => {
  test('the QoS of a PUBLISH decides about the answer, which has its packet identifier [3.1.1 MQTT-3.3.4-1] [5.0 MQTT-3.3.4-1] [3.1.1 MQTT-2.3.1-6] [5.0 MQTT-2.2.1-5] [3.1.1 MQTT-2.3.1-5] [5.0 MQTT-2.2.1-2]', async () => {
    const client = await connect(target, 'c', { protocolVersion });
    await client.subscribe(1, 'a', 0);
    client.publish('a', '0');
    const { messageId } = await client.next('publish');
    expect(messageId).toBeUndefined();
    await deliver(client, 'b', '1', 1, 700);
    await deliver(client, 'b', '2', 2, 701);
    await client.settle();
    const kinds = ['connack', 'suback', 'publish', 'puback', 'pubrec', 'pubcomp'];
    expect(client.packets.map(({ cmd }) => cmd).filter((cmd) => cmd !== 'pingresp')).toEqual(kinds);
  });

  test('QoS 1: after PUBACK the same packet identifier stands for a new message, whatever its DUP [3.1.1 MQTT-4.3.2-2] [5.0 MQTT-4.3.2-4] [5.0 MQTT-4.3.2-5]', async () => {
    const client = await connect(target, 'c', { protocolVersion });
    await client.subscribe(1, 'a', 1);
    await deliver(client, 'a', 'first', 1, 9);
    await deliver(client, 'a', 'second', 1, 9, { dup: true });
    await client.next('publish');
    await client.next('publish');
    expect(payloads(client)).toEqual(['first', 'second']);
  });

  test('QoS 2: a repeat before PUBREL gets PUBREC and is not delivered again; after PUBCOMP the identifier stands for a new message [5.0 MQTT-4.3.3-8] [5.0 MQTT-4.3.3-10] [5.0 MQTT-4.3.3-11] [5.0 MQTT-4.3.3-12]', async () => {
    const client = await connect(target, 'c', { protocolVersion });
    await client.subscribe(1, 'a', 1);
    for (const dup of [false, true, false]) {
      client.publish('a', 'first', { qos: 2, messageId: 9, dup });
      await expect(client.next('pubrec')).resolves.toMatchObject({ messageId: 9 });
    }
    client.send({ cmd: 'pubrel', messageId: 9 });
    await expect(client.next('pubcomp')).resolves.toMatchObject({ messageId: 9 });
    await deliver(client, 'a', 'second', 2, 9);
    await client.next('publish');
    await client.next('publish');
    await client.settle();
    expect(payloads(client)).toEqual(['first', 'second']);
  });

  test('PUBREL with an unknown packet identifier is answered with PUBCOMP 0x00, because it may be a repeat [5.0 MQTT-4.3.3-11]', async () => {
    const client = await connect(target, 'c', { protocolVersion });
    client.send({ cmd: 'pubrel', messageId: 77 });
    const { messageId, reasonCode = 0 } = await client.next('pubcomp');
    expect([messageId, reasonCode]).toEqual([77, 0]);
  });

  test('messages of one client, topic and QoS arrive in their order, with new packet identifiers and DUP 0 [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5] [5.0 MQTT-4.6.0-6] [3.1.1 MQTT-4.3.1-1] [5.0 MQTT-4.3.1-1] [5.0 MQTT-4.3.2-1] [5.0 MQTT-4.3.3-1] [5.0 MQTT-4.3.3-2] [3.1.1 MQTT-3.3.1-3] [5.0 MQTT-3.3.1-3] [3.1.1 MQTT-3.3.1-2] [5.0 MQTT-3.3.1-2]', async () => {
    const subscriber = await connect(target, 's', { protocolVersion });
    await subscriber.subscribe(1, '#', 2);
    const publisher = await connect(target, 'p', { protocolVersion });
    for (const qos of [0, 1, 2] as const) {
      for (let number = 1; number <= 3; number++) {
        publisher.publish(`q${qos}`, String(number), { qos, messageId: number, dup: qos > 0 });
        if (qos > 0) await publisher.next(qos === 1 ? 'puback' : 'pubrec');
      }
    }
    for (let count = 0; count < 9; count++) await subscriber.next('publish');
    for (const qos of [0, 1, 2]) {
      const received = subscriber.publishes.filter(({ topic }) => topic === `q${qos}`);
      expect(received.map(({ payload }) => payload.toString())).toEqual(['1', '2', '3']);
      expect(received.map(({ dup }) => dup)).toEqual([false, false, false]);
      if (qos > 0) expect(new Set(received.map(({ messageId }) => messageId)).size).toBe(3);
    }
  });

  test('QoS 2 to a subscriber: PUBREL follows PUBREC, is repeated for a repeated PUBREC, and PUBLISH is not [3.1.1 MQTT-4.3.3-1] [5.0 MQTT-4.3.3-4] [5.0 MQTT-4.3.3-6]', async () => {
    const client = await connect(target, 'c', { protocolVersion });
    await client.subscribe(1, 'a', 2);
    client.publish('a', 'x', { qos: 2, messageId: 1 });
    const { messageId = 0 } = await client.next('publish');
    for (let count = 0; count < 2; count++) {
      client.send({ cmd: 'pubrec', messageId });
      await expect(client.next('pubrel')).resolves.toMatchObject({ messageId });
    }
    client.send({ cmd: 'pubcomp', messageId });
    await client.settle();
    expect(client.publishes).toHaveLength(1);
  });

  test('unacknowledged messages are sent again to the resumed session, and after PUBREC only PUBREL [5.0 MQTT-4.3.2-3] [5.0 MQTT-4.3.3-3] [5.0 MQTT-4.3.3-5] [3.1.1 MQTT-4.1.0-1] [5.0 MQTT-4.1.0-1]', async () => {
    const options = { protocolVersion, clean: false, properties: { sessionExpiryInterval: 100 } };
    const first = await connect(target, 'c', options);
    await first.subscribe(1, 'a', 2);
    first.publish('a', 'one', { qos: 1, messageId: 1 });
    first.publish('a', 'two', { qos: 2, messageId: 2 });
    first.publish('a', 'three', { qos: 2, messageId: 3 });
    await first.next('publish');
    await first.next('publish');
    const { messageId: released = 0 } = await first.next('publish');
    first.send({ cmd: 'pubrec', messageId: released });
    await first.next('pubrel');
    first.drop();
    const second = await connect(target, 'c', options);
    await expect(second.next('pubrel')).resolves.toMatchObject({ messageId: released });
    await second.next('publish');
    await second.next('publish');
    await second.settle();
    expect(payloads(second)).toEqual(['one', 'two']);
    expect(second.publishes.map(({ dup }) => dup)).toEqual([true, true]);
  });
});

describe('Receive Maximum', () => {
  test.each([1, 2] as const)(
    'of the client bounds the unacknowledged messages of QoS %d towards it; other packets are not delayed [5.0 MQTT-3.3.4-9] [5.0 MQTT-3.3.4-10] [5.0 MQTT-4.9.0-1] [5.0 MQTT-4.9.0-2] [5.0 MQTT-4.9.0-3]',
    async (qos) => {
      const client = await connect(target, 'c', { ...five, properties: { receiveMaximum: 2 } });
      await client.subscribe(1, 'a', qos);
      await client.subscribe(2, 'zero', 0);
      const publisher = await connect(target, 'p');
      for (let number = 1; number <= 5; number++) await deliver(publisher, 'a', String(number), qos, number);
      const first = await client.next('publish');
      const second = await client.next('publish');
      publisher.publish('zero', '0');
      await expect(client.next('publish')).resolves.toMatchObject({ topic: 'zero' });
      await client.settle();
      expect(payloads(client)).toEqual(['1', '2', '0']);
      for (const each of [first, second]) await acknowledge(client, each);
      await client.next('publish');
      await client.next('publish');
      await client.settle();
      expect(payloads(client)).toEqual(['1', '2', '0', '3', '4']);
    },
  );

  test('of the server: QoS 2 publishes beyond it end the connection with 0x93 [5.0 MQTT-3.3.4-7]', async () => {
    const client = await connect(target, 'c', five);
    for (let messageId = 1; messageId <= 4; messageId++) client.publish('a', 'x', { qos: 2, messageId });
    await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x93 });
  });

  test('of the server: QoS 1 publishes beyond it are accepted in their order (a deliberate choice beside [5.0 MQTT-3.3.4-7])', async () => {
    const client = await connect(target, 'c', five);
    for (let messageId = 1; messageId <= 9; messageId++) client.publish('a', 'x', { qos: 1, messageId });
    for (let messageId = 1; messageId <= 9; messageId++) {
      await expect(client.next('puback')).resolves.toMatchObject({ messageId });
    }
  });

  test.each([
    ['PUBACK', 1],
    ['PUBREC', 2],
  ] as const)(
    '%s with a reason code of 0x80 or above ends the exchange: the message is not sent again, and the next one is sent [5.0 MQTT-4.4.0-2]',
    async (_name, qos) => {
      const options = {
        ...five,
        clean: false,
        properties: { receiveMaximum: 1, sessionExpiryInterval: 100 },
      };
      const client = await connect(target, 'c', options);
      await client.subscribe(1, 'a', qos);
      const publisher = await connect(target, 'p');
      await deliver(publisher, 'a', 'refused', qos, 1);
      await deliver(publisher, 'a', 'next', qos, 2);
      const { messageId = 0 } = await client.next('publish');
      client.sendBytes(frame(qos === 1 ? 0x40 : 0x50, uint16(messageId), [0x97]));
      await expect(client.next('publish')).resolves.toMatchObject({ payload: Buffer.from('next') });
      await client.settle();
      expect(client.packets.filter(({ cmd }) => cmd === 'pubrel')).toEqual([]);
      client.drop();
      const again = await connect(target, 'c', options);
      await expect(again.next('publish')).resolves.toMatchObject({ payload: Buffer.from('next') });
    },
  );
});

test('after a PUBREC with 0x80 or above the packet identifier stands for a new message [5.0 MQTT-4.3.3-9]', async () => {
  const client = await connect(target, 'c', five);
  await client.subscribe(1, 'a', 0);
  client.publish('$SYS/x', 'refused', { qos: 2, messageId: 5 });
  await expect(client.next('pubrec')).resolves.toMatchObject({ reasonCode: 0x87 });
  await deliver(client, 'a', 'new', 2, 5);
  await expect(client.next('publish')).resolves.toMatchObject({ payload: Buffer.from('new') });
});

test('a QoS 2 exchange with a publisher continues after its message has expired [5.0 MQTT-4.3.3-13]', async () => {
  const client = await connect(target, 'c', five);
  await client.subscribe(1, 'a', 1);
  await deliver(client, 'a', 'expired', 2, 5, { properties: { messageExpiryInterval: 0 } });
  await client.settle();
  expect(client.publishes).toEqual([]);
});

test('a topic and a filter may have 65,535 bytes [3.1.1 MQTT-4.7.3-3] [5.0 MQTT-4.7.3-3] [3.1.1 MQTT-3.3.2-3] [5.0 MQTT-3.3.2-3]', async () => {
  const topic = 'é'.repeat(32_767) + 'x';
  for (const protocolVersion of [4, 5] as const) {
    const client = await connect(target, `c${protocolVersion}`, { protocolVersion });
    await client.subscribe(1, topic, 0);
    client.publish(topic, 'x');
    await expect(client.next('publish')).resolves.toMatchObject({ topic });
  }
});

describe('a retained message', () => {
  test.each([4, 5] as const)(
    'at protocol level %d is replaced by a later one, deleted by an empty one, and untouched by RETAIN 0 [5.0 MQTT-3.3.1-5] [3.1.1 MQTT-3.3.1-10] [5.0 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-11] [5.0 MQTT-3.3.1-7] [3.1.1 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-8]',
    async (protocolVersion) => {
      const client = await connect(target, 'c', { protocolVersion });
      await deliver(client, 'r', 'first', 1, 1, { retain: true });
      await deliver(client, 'r', 'second', 1, 2, { retain: true });
      await deliver(client, 'r', 'not retained', 1, 3);
      await client.subscribe(4, 'r', 1);
      await expect(client.next('publish')).resolves.toMatchObject({
        payload: Buffer.from('second'),
        retain: true,
      });
      await deliver(client, 'r', '', 1, 5, { retain: true });
      await expect(client.next('publish')).resolves.toMatchObject({
        payload: Buffer.alloc(0),
        retain: false,
      });
      await client.subscribe(6, 'r', 1);
      await client.settle();
      expect(client.publishes).toHaveLength(2);
    },
  );

  test('keeps its properties, and its Message Expiry Interval does not grow [5.0 MQTT-3.3.2-6] [5.0 MQTT-3.3.2-17]', async () => {
    const publisher = await connect(target, 'p', five);
    publisher.sendBytes(
      frame(0x33, text('r'), uint16(1), properties([2, uint32(100)], [38, text('k'), text('v')]), [0x78]),
    );
    await publisher.next('puback');
    const subscriber = await connect(target, 's', five);
    await subscriber.subscribe(1, 'r', 1);
    const { properties: received } = await subscriber.next('publish');
    expect((received?.userProperties as UserProperties)['k']).toBe('v');
    expect(received?.messageExpiryInterval).toBeGreaterThan(90);
    expect(received?.messageExpiryInterval).toBeLessThanOrEqual(100);
  });
});

test('PUBACK and PUBREC report 0x10 exactly if no subscription matches, and no Reason String or User Property [5.0 MQTT-3.4.2-1] [5.0 MQTT-3.5.2-1] [5.0 MQTT-3.1.2-29]', async () => {
  const client = open(target, 5);
  client.send(connectPacket('c', { ...five, properties: { requestProblemInformation: false } }));
  await client.next('connack');
  expect(await deliver(client, 'a', 'x', 1, 1)).toBe(0x10);
  expect(await deliver(client, 'a', 'x', 2, 2)).toBe(0x10);
  await client.subscribe(3, 'a', 0);
  expect(await deliver(client, 'a', 'x', 1, 4)).toBe(0);
  expect(await deliver(client, 'a', 'x', 2, 5)).toBe(0);
  const old = await connect(target, 'old');
  const bytes: number[] = [];
  old.stream.on('data', (chunk: Buffer) => bytes.push(...chunk));
  await deliver(old, 'b', 'x', 1, 1);
  await deliver(old, 'b', 'x', 2, 2);
  expect(bytes).toEqual([0x40, 2, 0, 1, 0x50, 2, 0, 2, 0x70, 2, 0, 2]);
  const answers = client.packets.filter(({ cmd }) => cmd === 'puback' || cmd === 'pubrec');
  expect(answers).toHaveLength(4);
  for (const answer of answers) expect(answer).not.toHaveProperty('properties.reasonString');
});
