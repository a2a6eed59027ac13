import { frame, noProperties, text } from './support/bytes.ts';
import { levels } from './support/client.ts';
import type { Client, Level } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

/** Sends UNSUBSCRIBE and waits for UNSUBACK. @returns the codes of UNSUBACK; none in MQTT 3.1.1 */
async function unsubscribe(client: Client, ...filters: string[]): Promise<number[]> {
  const messageId = client.nextPacketId();
  client.send({ cmd: 'unsubscribe', messageId, unsubscriptions: filters });
  const unsuback = await client.next('unsuback');
  expect(unsuback.messageId).toBe(messageId);
  return (unsuback.granted ?? []) as number[];
}

async function subscribeAll(client: Client, ...filters: [string, 0 | 1 | 2][]): Promise<number[]> {
  const messageId = client.nextPacketId();
  const subscriptions = filters.map(([topic, qos]) => ({ topic, qos }));
  client.send({ cmd: 'subscribe', messageId, subscriptions });
  return (await client.next('suback')).granted as number[];
}

async function expectClosed(level: Level, bytes: readonly number[], reasonCode: number): Promise<void> {
  const client = await server.current.connect(level);
  client.write(bytes);
  await client.closed;
  expect(client.received('suback')).toEqual([]);
  expect(client.received('unsuback')).toEqual([]);
  if (level === 5) expect(client.received('disconnect')).toMatchObject([{ reasonCode }]);
}

describe.each(levels)('at protocol level %i, the server', (level) => {
  test('answers SUBSCRIBE by one SUBACK with one code per filter, in their order [3.1.1 MQTT-3.8.4-1] [3.1.1 MQTT-3.8.4-5] [3.1.1 MQTT-3.9.3-1] [3.1.1 MQTT-3.9.3-2] [5.0 MQTT-3.8.4-1] [5.0 MQTT-3.8.4-6] [5.0 MQTT-3.8.4-7] [5.0 MQTT-3.9.3-1] [5.0 MQTT-3.9.3-2] [5.0 MQTT-3.2.2-10]', async () => {
    const client = await server.current.connect(level);
    const filters: [string, 0 | 1 | 2][] = [
      ['c', 2],
      ['$bridge/x', 1],
      ['a', 0],
      ['/'.repeat(200), 1],
      ['b/+', 1],
      ['c', 1],
    ];
    const failures = level === 5 ? [0x87, 0x8f] : [0x80, 0x80];
    expect(await subscribeAll(client, ...filters)).toEqual([2, failures[0], 0, failures[1], 1, 1]);
    expect(client.received('suback')).toHaveLength(1);
  });

  test('handles the filters of one SUBSCRIBE in their order, as if each had a packet of its own [3.1.1 MQTT-3.8.4-4] [5.0 MQTT-3.8.4-5]', async () => {
    const topic = unique('t');
    const client = await server.current.connect(level);
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    expect(await subscribeAll(client, [topic, 2], [topic, 1], [`${topic}/a`, 1])).toEqual([2, 1, 1]);
    await publisher.publish(topic, 'at the last QoS', { qos: 2 });
    await publisher.publish(`${topic}/a`, 'last', { qos: 1 });
    // The retained message waits for the client when the second filter replaces the first one, so it is sent once.
    expect(await client.payloadsUntil('last')).toEqual(['kept', 'at the last QoS', 'last']);
    expect(client.received('publish')).toMatchObject([{ retain: true }, { qos: 1 }, { qos: 1 }]);
  });

  test('replaces the subscription of the same filter, and sends retained messages again [3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-4]', async () => {
    const topic = unique('t');
    for (const session of [{}, persistent(level)]) {
      const client = await server.current.connect(level, session);
      const publisher = await server.current.connect(level);
      await publisher.publish(topic, 'kept', { qos: 1, retain: true });
      await client.subscribe(topic, 0);
      await client.subscribe(topic, 2);
      await publisher.publish(topic, 'once', { qos: 2 });
      await publisher.publish(topic, 'last', { qos: 1 });
      await client.payloadsUntil('last');
      expect(client.received('publish').map(({ payload, qos }) => `${payload.toString()} ${qos}`)).toEqual([
        'kept 0',
        'kept 1',
        'once 2',
        'last 1',
      ]);
    }
  });

  test('loses no message while a subscription is replaced [3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-4]', async () => {
    const topic = unique('t');
    const client = await server.current.connect(level, persistent(level));
    await client.subscribe(topic, 1);
    const publisher = await server.current.connect(level);
    const expected = Array.from({ length: 50 }, (_, number) => String(number));
    const publishing = (async () => {
      for (const payload of expected) await publisher.publish(topic, payload, { qos: 1 });
    })();
    for (let count = 0; count < 10; count++) await client.subscribe(topic, 1);
    await publishing;
    expect(await client.payloadsUntil('49')).toEqual(expected);
  });

  test('delivers with the lower of the published and the granted QoS, also retained and queued messages [3.1.1 MQTT-3.8.4-6] [5.0 MQTT-3.8.4-8]', async () => {
    const publisher = await server.current.connect(level);
    for (const granted of [0, 1, 2] as const) {
      const prefix = unique('t');
      const clientId = unique('c');
      const session = { clientId, ...persistent(level) };
      for (const qos of [0, 1, 2] as const) {
        await publisher.publish(`${prefix}/${qos}`, `retained ${qos}`, { qos, retain: true });
      }
      const client = await server.current.connect(level, session);
      await client.subscribe(`${prefix}/+`, granted);
      for (const qos of [0, 1, 2] as const) await publisher.publish(`${prefix}/x`, `live ${qos}`, { qos });
      for (let count = 0; count < 6; count++) await client.next('publish');
      await client.disconnect();
      for (const qos of [1, 2] as const) await publisher.publish(`${prefix}/x`, `queued ${qos}`, { qos });
      const again = await server.current.connect(level, session);
      const queued = granted === 0 ? 0 : 2;
      for (let count = 0; count < queued; count++) await again.next('publish');
      for (const { payload, qos } of [...client.received('publish'), ...again.received('publish')]) {
        const published = Number(payload.toString().at(-1));
        expect([payload.toString(), qos]).toEqual([payload.toString(), Math.min(published, granted)]);
      }
    }
  });

  test.each<[string, (level: Level) => number[], number]>([
    [
      'SUBSCRIBE without a filter [3.1.1 MQTT-3.8.3-3] [5.0 MQTT-3.8.3-2]',
      (of) => frame(0x82, 0, 1, noProperties(of)),
      0x82,
    ],
    [
      'SUBSCRIBE with a filter but no options [5.0 MQTT-3.8.3-2]',
      (of) => frame(0x82, 0, 1, noProperties(of), text('a')),
      0x81,
    ],
    [
      'SUBSCRIBE with QoS 3 [3.1.1 MQTT-3.8.3-4]',
      (of) => frame(0x82, 0, 1, noProperties(of), text('a'), 3),
      0x82,
    ],
    [
      'SUBSCRIBE with reserved bits [3.1.1 MQTT-3.8.3-4] [5.0 MQTT-3.8.3-5]',
      (of) => frame(0x82, 0, 1, noProperties(of), text('a'), 0x40),
      0x81,
    ],
    [
      'SUBSCRIBE with the highest reserved bit [3.1.1 MQTT-3.8.3-4] [5.0 MQTT-3.8.3-5]',
      (of) => frame(0x82, 0, 1, noProperties(of), text('a'), 0x80),
      0x81,
    ],
    [
      'UNSUBSCRIBE without a filter [3.1.1 MQTT-3.10.3-2] [5.0 MQTT-3.10.3-2]',
      (of) => frame(0xa2, 0, 1, noProperties(of)),
      0x82,
    ],
    [
      'UNSUBSCRIBE with a truncated filter [3.1.1 MQTT-3.10.3-1] [5.0 MQTT-3.10.3-1]',
      (of) => frame(0xa2, 0, 1, noProperties(of), text('a'), 0, 2, 'b'),
      0x81,
    ],
  ])(
    'closes the connection for %s [3.1.1 MQTT-4.8.0-1] [5.0 MQTT-4.13.1-1]',
    async (_name, encode, reasonCode) => {
      await expectClosed(level, encode(level), reasonCode);
    },
  );

  test('deletes exactly the subscription with the characters of the filter, and adds no message after that [3.1.1 MQTT-3.10.4-1] [3.1.1 MQTT-3.10.4-2] [5.0 MQTT-3.10.4-1] [5.0 MQTT-3.10.4-2]', async () => {
    const prefix = unique('t');
    for (const session of [{}, persistent(level)]) {
      const client = await server.current.connect(level, session);
      await subscribeAll(client, [`${prefix}/+`, 1], [`${prefix}/a/#`, 1], [`${prefix}/b/c`, 1]);
      const publisher = await server.current.connect(level);
      // Each of these filters differs in its characters from all subscriptions, but can match the same topics.
      await unsubscribe(client, `${prefix}/#`, `${prefix}/a`, `${prefix}/b/+`, `${prefix}/A/#`);
      await publisher.publish(`${prefix}/x`, '1', { qos: 1 });
      await publisher.publish(`${prefix}/a/b`, '2', { qos: 1 });
      await publisher.publish(`${prefix}/b/c`, '3', { qos: 1 });
      expect(await client.payloadsUntil('3')).toEqual(['1', '2', '3']);
      await unsubscribe(client, `${prefix}/+`);
      await publisher.publish(`${prefix}/x`, 'gone', { qos: 1 });
      await publisher.publish(`${prefix}/a/b`, '4', { qos: 1 });
      expect(await client.payloadsUntil('4')).toEqual(['1', '2', '3', '4']);
    }
  });

  test('completes deliveries that had begun before UNSUBSCRIBE [3.1.1 MQTT-3.10.4-3] [5.0 MQTT-3.10.4-3]', async () => {
    const topic = unique('t');
    for (const session of [{}, persistent(level)]) {
      const clientId = unique('c');
      const client = await server.current.connect(level, { clientId, ...session, manual: true });
      await client.subscribe(topic, 2);
      const publisher = await server.current.connect(level);
      await publisher.publish(topic, 'one', { qos: 1 });
      await publisher.publish(topic, 'two', { qos: 2 });
      await client.payloadsUntil('two');
      await unsubscribe(client, topic);
      const [one, two] = client.received('publish');
      client.send({ cmd: 'puback', messageId: one!.messageId! });
      client.send({ cmd: 'pubrec', messageId: two!.messageId! });
      expect((await client.next('pubrel')).messageId).toBe(two!.messageId);
      client.send({ cmd: 'pubcomp', messageId: two!.messageId! });
      await client.settle();
      await client.disconnect();
    }
  });

  test('resends a message that was sent before UNSUBSCRIBE and not acknowledged [3.1.1 MQTT-3.10.4-3] [5.0 MQTT-3.10.4-3]', async () => {
    const topic = unique('t');
    const clientId = unique('c');
    const client = await server.current.connect(level, { clientId, ...persistent(level), manual: true });
    await client.subscribe(topic, 1);
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'begun', { qos: 1 });
    await client.payloadsUntil('begun');
    await unsubscribe(client, topic);
    client.drop();
    const again = await server.current.connect(level, { clientId, ...persistent(level) });
    expect(await again.payloadsUntil('begun')).toEqual(['begun']);
    expect(again.received('publish')).toMatchObject([{ dup: true }]);
  });

  test('answers each UNSUBSCRIBE by one UNSUBACK, also if nothing was subscribed, and deletes all its filters [3.1.1 MQTT-3.10.4-4] [3.1.1 MQTT-3.10.4-5] [3.1.1 MQTT-3.10.4-6] [5.0 MQTT-3.10.4-4] [5.0 MQTT-3.10.4-5] [5.0 MQTT-3.10.4-6] [5.0 MQTT-3.11.3-1] [5.0 MQTT-3.11.3-2]', async () => {
    const prefix = unique('t');
    const client = await server.current.connect(level);
    expect(await unsubscribe(client, 'never')).toEqual(level === 5 ? [0x11] : []);
    await subscribeAll(client, [`${prefix}/a`, 1], [`${prefix}/b`, 1], [`${prefix}/c`, 1]);
    const codes = await unsubscribe(client, `${prefix}/b`, 'never', `${prefix}/a`, `${prefix}/a`);
    expect(codes).toEqual(level === 5 ? [0, 0x11, 0, 0x11] : []);
    expect(client.received('unsuback')).toHaveLength(2);
    for (const name of ['a', 'b', 'c']) await client.publish(`${prefix}/${name}`, name, { qos: 1 });
    expect(await client.payloadsUntil('c')).toEqual(['c']);
  });
});

describe('the server, for MQTT 5.0,', () => {
  test('does not forward a message to its publisher if the subscription has No Local [5.0 MQTT-3.8.3-3]', async () => {
    const topic = unique('t');
    for (const session of [{}, persistent(5)]) {
      const client = await server.current.connect(5, session);
      const other = await server.current.connect(5);
      await client.subscribe(topic, 2, { nl: true });
      await other.subscribe(topic, 1);
      for (const qos of [0, 1, 2] as const) await client.publish(topic, `own ${qos}`, { qos });
      await other.publish(topic, 'of the other', { qos: 1 });
      expect(await client.payloadsUntil('of the other')).toEqual(['of the other']);
      await other.payloadsUntil('of the other');
      expect(other.payloads).toEqual(expect.arrayContaining(['own 0', 'own 1', 'own 2']));
      await client.disconnect();
    }
  });

  test('answers No Local on a shared subscription by 0x82, and retain handling 3 as well [5.0 MQTT-3.8.3-4]', async () => {
    await expectClosed(5, frame(0x82, 0, 1, 0, text('$share/g/a'), 4), 0x82);
    await expectClosed(5, frame(0x82, 0, 1, 0, text('a'), 0x30), 0x82);
  });

  test('answers subscription identifier 0 by 0x82', async () => {
    await expectClosed(5, frame(0x82, 0, 1, [2, 11, 0], text('a'), 0), 0x82);
  });
});
