import {
  connectFrame,
  frame,
  noProperties,
  nulString,
  text,
  variable,
  wrongStrings,
} from './support/bytes.ts';
import { levels, publishPacket } from './support/client.ts';
import type { Client, Level } from './support/client.ts';
import { unique, useServer } from './support/server.ts';

const server = useServer();

/** The packets of a connected client that contain a string, with these bytes as the string. */
const withString: readonly (readonly [
  name: string,
  encode: (level: Level, bytes: readonly number[]) => number[],
])[] = [
  [
    'the topic of PUBLISH [3.1.1 MQTT-3.3.2-1] [5.0 MQTT-3.3.2-1]',
    (level, bytes) => frame(0x30, text(bytes), noProperties(level), 'x'),
  ],
  [
    'a filter of SUBSCRIBE [3.1.1 MQTT-3.8.3-1] [5.0 MQTT-3.8.3-1]',
    (level, bytes) => frame(0x82, 0, 1, noProperties(level), text(bytes), 0),
  ],
  [
    'a filter of UNSUBSCRIBE [3.1.1 MQTT-3.10.3-1] [5.0 MQTT-3.10.3-1]',
    (level, bytes) => frame(0xa2, 0, 1, noProperties(level), text(bytes)),
  ],
];

/** Sends the bytes on a new connection, and expects that the server closes it and answers nothing but DISCONNECT. */
async function expectClosed(level: Level, bytes: readonly number[]): Promise<Client> {
  const client = await server.current.connect(level);
  client.write(bytes);
  await client.closed;
  expect(client.packets.map(({ cmd }) => cmd)).toEqual(level === 5 ? ['connack', 'disconnect'] : ['connack']);
  return client;
}

describe.each(levels)('at protocol level %i, the server', (level) => {
  test.each(withString)(
    'closes the connection for %s that is not well-formed UTF-8 [3.1.1 MQTT-1.5.3-1] [5.0 MQTT-1.5.4-1]',
    async (_name, encode) => {
      for (const [, bytes] of wrongStrings) await expectClosed(level, encode(level, bytes));
    },
  );

  test.each(withString)(
    'closes the connection for %s that contains U+0000 [3.1.1 MQTT-1.5.3-2] [3.1.1 MQTT-4.7.3-2] [5.0 MQTT-1.5.4-2] [5.0 MQTT-4.7.3-2]',
    async (_name, encode) => {
      await expectClosed(level, encode(level, nulString));
    },
  );

  test('keeps U+FEFF wherever it stands in a topic [3.1.1 MQTT-1.5.3-3] [5.0 MQTT-1.5.4-3]', async () => {
    const client = await server.current.connect(level);
    const topics = ['\ufeffa', 'a\ufeff', 'a'].map((topic) => `${unique('bom')}/${topic}`);
    const [first = '', middle = ''] = topics;
    const mark = `\ufeff${unique('bom')}`;
    for (const filter of [first, middle, mark]) await client.subscribe(filter, 1);
    for (const topic of topics) await client.publish(topic, topic, { qos: 1 });
    await client.publish(mark.slice(1), 'without mark', { qos: 1 });
    await client.publish(mark, 'last', { qos: 1 });
    await client.payloadsUntil('last');
    expect(client.received('publish').map(({ topic }) => topic)).toEqual([first, middle, mark]);
    // mqtt-packet decodes with the rules of JavaScript, so the bytes are compared as well.
    expect(client.frames.some((bytes) => bytes.includes(Buffer.from(mark)))).toBe(true);
  });

  test('accepts control characters and non-characters in topics, which the standard lets a server refuse', async () => {
    const client = await server.current.connect(level);
    const topic = `${unique('control')}/\u0001\u007f\u0085\ufdd0`;
    await client.subscribe(topic, 1);
    await client.publish(topic, 'arrives', { qos: 1 });
    expect(await client.payloadsUntil('arrives')).toEqual(['arrives']);
    expect(client.received('publish')[0]?.topic).toBe(topic);
  });

  test.each<[string, (level: Level) => number[]]>([
    ['PUBACK', () => frame(0x41, 0, 1)],
    ['PUBREC', () => frame(0x54, 0, 1)],
    ['PUBREL with flags 0 [3.1.1 MQTT-3.6.1-1] [5.0 MQTT-3.6.1-1]', () => frame(0x60, 0, 1)],
    ['PUBCOMP', () => frame(0x78, 0, 1)],
    [
      'SUBSCRIBE with flags 0 [3.1.1 MQTT-3.8.1-1] [5.0 MQTT-3.8.1-1]',
      (of) => frame(0x80, 0, 1, noProperties(of), text('a'), 0),
    ],
    [
      'UNSUBSCRIBE with flags 0 [3.1.1 MQTT-3.10.1-1] [5.0 MQTT-3.10.1-1]',
      (of) => frame(0xa0, 0, 1, noProperties(of), text('a')),
    ],
    ['PINGREQ', () => frame(0xc2)],
    ['DISCONNECT [3.1.1 MQTT-3.14.1-1] [5.0 MQTT-3.14.1-1]', () => frame(0xe1)],
  ])(
    'closes the connection for wrong flags of %s [3.1.1 MQTT-2.2.2-1] [3.1.1 MQTT-2.2.2-2] [5.0 MQTT-2.1.3-1]',
    async (_name, encode) => {
      const client = await expectClosed(level, encode(level));
      if (level === 5) expect(client.received('disconnect')[0]?.reasonCode).toBe(0x81);
    },
  );

  test('closes the connection for a CONNECT with wrong flags of the fixed header [3.1.1 MQTT-2.2.2-2] [5.0 MQTT-2.1.3-1]', async () => {
    const client = await server.current.open(level);
    const [, ...rest] = connectFrame(level, 2, text('c'));
    client.write([0x11, ...rest]);
    await client.closed;
    expect(client.received('connack').filter((packet) => packet.returnCode === 0)).toEqual([]);
  });

  test('sends every packet with the flags of the standard [3.1.1 MQTT-2.2.2-1] [5.0 MQTT-2.1.3-1] [3.1.1 MQTT-3.6.1-1] [5.0 MQTT-3.6.1-1]', async () => {
    const client = await server.current.connect(level);
    const topic = unique('flags');
    await client.subscribe(topic, 2);
    await client.publish(topic, 'one', { qos: 1 });
    await client.publish(topic, 'two', { qos: 2 });
    await client.next('pubrel');
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: [topic] });
    await client.next('unsuback');
    await client.settle();
    const expected: Partial<Record<string, number>> = { pubrel: 2 };
    for (const [index, { cmd }] of client.packets.entries()) {
      if (cmd !== 'publish') expect([cmd, client.frames[index]![0]! & 15]).toEqual([cmd, expected[cmd] ?? 0]);
    }
    expect(client.received('pubrel')).toHaveLength(1);
  });

  test.each<[string, (level: Level) => number[]]>([
    ['a QoS 1 PUBLISH', (of) => frame(0x32, text('a'), 0, 0, noProperties(of))],
    ['a QoS 2 PUBLISH', (of) => frame(0x34, text('a'), 0, 0, noProperties(of))],
    ['SUBSCRIBE', (of) => frame(0x82, 0, 0, noProperties(of), text('a'), 0)],
    ['UNSUBSCRIBE', (of) => frame(0xa2, 0, 0, noProperties(of), text('a'))],
  ])('closes the connection for %s with packet id 0 [3.1.1 MQTT-2.3.1-1]', async (_name, encode) => {
    await expectClosed(level, encode(level));
  });

  test('takes the bytes after the topic of a QoS 0 PUBLISH as its content, not as a packet id [3.1.1 MQTT-2.3.1-5] [5.0 MQTT-2.2.1-2]', async () => {
    const client = await server.current.connect(level);
    const topic = unique('qos0');
    await client.subscribe(topic, 0);
    client.write(frame(0x30, text(topic), noProperties(level), 0, 7, 'x'));
    const { payload } = await client.next('publish');
    expect([...Buffer.from(payload)]).toEqual([0, 7, 0x78]);
  });

  test('sends a QoS 0 PUBLISH without a packet id and with DUP 0 [3.1.1 MQTT-2.3.1-5] [5.0 MQTT-2.2.1-2] [3.1.1 MQTT-3.3.1-2] [5.0 MQTT-3.3.1-2] [3.1.1 MQTT-4.3.1-1] [5.0 MQTT-4.3.1-1]', async () => {
    const client = await server.current.connect(level);
    const topic = unique('qos0');
    await client.subscribe(topic, 2);
    await client.publish(topic, 'x');
    await client.next('publish');
    const bytes = client.frames[client.packets.findIndex(({ cmd }) => cmd === 'publish')]!;
    expect([...bytes]).toEqual(frame(0x30, text(topic), noProperties(level), 'x'));
  });

  test('acknowledges with the packet id of the request [3.1.1 MQTT-2.3.1-6] [3.1.1 MQTT-2.3.1-7] [5.0 MQTT-2.2.1-5] [5.0 MQTT-2.2.1-6] [3.1.1 MQTT-3.8.4-2] [5.0 MQTT-3.8.4-2] [3.1.1 MQTT-3.10.4-4] [5.0 MQTT-3.10.4-5]', async () => {
    const client = await server.current.connect(level);
    const topic = unique('ids');
    client.send({ cmd: 'subscribe', messageId: 0xffff, subscriptions: [{ topic, qos: 0 }] });
    expect((await client.next('suback')).messageId).toBe(0xffff);
    client.send({ cmd: 'unsubscribe', messageId: 258, unsubscriptions: [topic] });
    expect((await client.next('unsuback')).messageId).toBe(258);
    client.send(publishPacket(topic, 'x', { qos: 1, messageId: 0xff00 }));
    expect((await client.next('puback')).messageId).toBe(0xff00);
    client.send(publishPacket(topic, 'x', { qos: 2, messageId: 0xff01 }));
    expect((await client.next('pubrec')).messageId).toBe(0xff01);
    client.send({ cmd: 'pubrel', messageId: 0xff01 });
    expect((await client.next('pubcomp')).messageId).toBe(0xff01);
  });

  test('gives unacknowledged messages different packet ids other than 0, and answers PUBREC with the same id [3.1.1 MQTT-2.3.1-4] [3.1.1 MQTT-2.3.1-6] [5.0 MQTT-2.2.1-4] [5.0 MQTT-2.2.1-5] [3.1.1 MQTT-4.3.2-1] [3.1.1 MQTT-4.3.3-1] [5.0 MQTT-4.3.2-1] [5.0 MQTT-4.3.3-1]', async () => {
    const subscriber = await server.current.connect(level, { manual: true });
    const publisher = await server.current.connect(level);
    const topic = unique('unused');
    await subscriber.subscribe(topic, 2);
    for (let count = 0; count < 20; count++) {
      await publisher.publish(topic, String(count), { qos: count % 2 === 0 ? 1 : 2 });
    }
    await subscriber.payloadsUntil('19');
    const ids = subscriber.received('publish').map(({ messageId }) => messageId!);
    expect(new Set(ids).size).toBe(20);
    expect(ids.every((id) => id > 0 && id <= 0xffff)).toBe(true);
    const second = subscriber.received('publish').find(({ qos }) => qos === 2)!.messageId!;
    subscriber.send({ cmd: 'pubrec', messageId: second });
    expect((await subscriber.next('pubrel')).messageId).toBe(second);
  });
});

describe('the server, for MQTT 5.0,', () => {
  test('answers variable byte integers with padding by 0x81 [5.0 MQTT-1.5.5-1]', async () => {
    for (const bytes of [
      [0x30, 0x84, 0x00, ...text('a'), 0],
      frame(0x30, text('a'), [0x80, 0x00]),
      frame(0x82, 0, 1, [3, 11, 0x81, 0x00], text('a'), 0),
    ]) {
      const client = await expectClosed(5, bytes);
      expect(client.received('disconnect')[0]?.reasonCode).toBe(0x81);
    }
  });

  test('encodes lengths and subscription identifiers in the smallest number of bytes [5.0 MQTT-1.5.5-1]', async () => {
    const client = await server.current.connect(5);
    const topic = unique('lengths');
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic, qos: 0 }],
      properties: { subscriptionIdentifier: 128 },
    });
    await client.next('suback');
    const sizes = [0, 127, 128, 16_383];
    for (const size of sizes) await client.publish(topic, 'x'.repeat(size));
    for (const size of sizes) {
      await client.next('publish');
      const payload = 'x'.repeat(size);
      const bytes =
        client.frames[
          client.packets.findIndex((packet) => packet.cmd === 'publish' && packet.payload.length === size)
        ]!;
      expect([...bytes]).toEqual(frame(0x30, text(topic), [3, 11, 0x80, 0x01], payload));
    }
    expect(variable(128)).toEqual([0x80, 0x01]);
  });

  test.each([
    ['the name', [0x26, ...text([0xed, 0xa0, 0x80]), ...text('v')]],
    ['the value', [0x26, ...text('n'), ...text([0x61, 0x00])]],
    ['the value, as bytes that are not UTF-8,', [0x26, ...text('n'), ...text([0xff])]],
  ])('rejects a user property if %s is no valid string [5.0 MQTT-1.5.7-1]', async (_name, property) => {
    const client = await expectClosed(5, frame(0x30, text('a'), variable(property.length), property, 'x'));
    expect(client.received('disconnect')[0]?.reasonCode).toBe(0x81);
  });

  test('writes property length 0 where it has no properties, and expects it from clients [5.0 MQTT-2.2.2-1]', async () => {
    const client = await server.current.connect(5);
    const topic = unique('none');
    await client.subscribe(topic, 0);
    await client.publish(topic, '');
    await client.next('publish');
    const bytes = client.frames[client.packets.findIndex(({ cmd }) => cmd === 'publish')]!;
    expect([...bytes]).toEqual(frame(0x30, text(topic), 0));
    await expectClosed(5, frame(0x30, text(topic)));
  });
});
