import { frame, noProperties, text } from './support/bytes.ts';
import { levels, publishPacket } from './support/client.ts';
import type { Client, Level } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

async function subscriberOf(level: Level, filter: string, qos: 0 | 1 | 2 = 2): Promise<Client> {
  const client = await server.current.connect(level);
  await client.subscribe(filter, qos);
  return client;
}

/** Returns the retained messages of the topic as a new subscriber sees them, with QoS and RETAIN. */
async function retained(level: Level, topic: string): Promise<string[]> {
  const client = await server.current.connect(level);
  await client.subscribe(topic, 2);
  await client.publish(`${topic}`, 'live', { qos: 1 });
  await client.payloadsUntil('live');
  return client
    .received('publish')
    .filter((packet) => packet.retain)
    .map(({ payload, qos }) => `${payload.toString()} ${qos}`);
}

describe.each(levels)('at protocol level %i, the server', (level) => {
  test('redelivers with DUP 1 after a reconnect, and sends a message for the first time with DUP 0 [3.1.1 MQTT-3.3.1-1] [5.0 MQTT-3.3.1-1] [3.1.1 MQTT-4.3.2-1] [3.1.1 MQTT-4.3.3-1] [5.0 MQTT-4.3.2-2] [5.0 MQTT-4.3.3-2]', async () => {
    const clientId = unique('dup');
    const topic = unique('t');
    const first = await server.current.connect(level, { clientId, ...persistent(level), manual: true });
    await first.subscribe(topic, 2);
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'qos 1', { qos: 1 });
    await publisher.publish(topic, 'qos 2', { qos: 2 });
    await first.payloadsUntil('qos 2');
    expect(first.received('publish').map(({ dup }) => dup)).toEqual([false, false]);
    first.drop();
    const again = await server.current.connect(level, { clientId, ...persistent(level) });
    await again.payloadsUntil('qos 2');
    await publisher.publish(topic, 'new', { qos: 1 });
    await again.payloadsUntil('new');
    expect(again.received('publish').map(({ payload, dup }) => `${payload.toString()} ${dup}`)).toEqual([
      'qos 1 true',
      'qos 2 true',
      'new false',
    ]);
  });

  test('sets DUP towards subscribers independently of the DUP of the publisher [3.1.1 MQTT-3.3.1-3] [5.0 MQTT-3.3.1-3]', async () => {
    const topic = unique('t');
    const subscriber = await subscriberOf(level, topic);
    const publisher = await server.current.connect(level);
    for (const qos of [1, 2] as const) await publisher.publish(topic, `qos ${qos}`, { qos, dup: true });
    await subscriber.payloadsUntil('qos 2');
    expect(subscriber.received('publish').map(({ dup }) => dup)).toEqual([false, false]);
  });

  test('closes the connection for a QoS 0 PUBLISH with DUP 1 [3.1.1 MQTT-3.3.1-2] [5.0 MQTT-3.3.1-2]', async () => {
    const client = await server.current.connect(level);
    client.write(frame(0x38, text('a'), noProperties(level), 'x'));
    await client.closed;
  });

  test('closes the connection for a PUBLISH with both QoS bits [3.1.1 MQTT-3.3.1-4] [5.0 MQTT-3.3.1-4]', async () => {
    const topic = unique('t');
    const observer = await subscriberOf(level, topic);
    const client = await server.current.connect(level);
    client.write(frame(0x36, text(topic), 0, 1, noProperties(level), 'no'));
    await client.closed;
    if (level === 5) expect(client.received('disconnect')).toMatchObject([{ reasonCode: 0x81 }]);
    await observer.publish(topic, 'yes', { qos: 1 });
    expect(await observer.payloadsUntil('yes')).toEqual(['yes']);
  });

  test('sends no answer to QoS 0, PUBACK for QoS 1 and PUBREC for QoS 2 [3.1.1 MQTT-3.3.4-1] [5.0 MQTT-3.3.4-1]', async () => {
    const client = await server.current.connect(level);
    client.send(
      publishPacket('a', '0'),
      publishPacket('a', '1', { qos: 1, messageId: 1 }),
      publishPacket('a', '2', { qos: 2, messageId: 2 }),
    );
    await client.next('puback');
    await client.next('pubrec');
    await client.settle();
    expect(client.packets.map(({ cmd, messageId }) => [cmd, messageId])).toEqual(
      expect.arrayContaining([
        ['puback', 1],
        ['pubrec', 2],
      ]),
    );
    expect(client.packets).toHaveLength(4);
  });

  test('closes the connection for a PUBLISH with a wildcard in its topic, and delivers nothing [3.1.1 MQTT-3.3.2-2] [5.0 MQTT-3.3.2-2] [3.1.1 MQTT-4.7.1-1] [5.0 MQTT-4.7.0-1]', async () => {
    const prefix = unique('t');
    const observer = await subscriberOf(level, `${prefix}/#`);
    for (const topic of [`${prefix}/+`, `${prefix}/#`, `${prefix}/a+`]) {
      const client = await server.current.connect(level);
      client.write(frame(0x32, text(topic), 0, 1, noProperties(level), 'no'));
      await client.closed;
      expect(client.received('puback')).toEqual([]);
    }
    await observer.publish(`${prefix}/a`, 'yes', { qos: 1 });
    expect(await observer.payloadsUntil('yes')).toEqual(['yes']);
  });

  test('sends each message with the topic name of its publisher, which matches the filter [3.1.1 MQTT-3.3.2-3] [5.0 MQTT-3.3.2-3] [3.1.1 MQTT-3.3.2-1] [5.0 MQTT-3.3.2-1]', async () => {
    const prefix = unique('t');
    const subscriber = await subscriberOf(level, `${prefix}/+/c`);
    const publisher = await server.current.connect(level);
    for (const topic of ['a/c', 'a/d', 'c', 'b/c', 'a/b/c', '/c']) {
      await publisher.publish(`${prefix}/${topic}`, topic, { qos: 1 });
    }
    await subscriber.payloadsUntil('/c');
    const topics = subscriber.received('publish').map((packet) => packet.topic);
    expect(topics).toEqual(['a/c', 'b/c', '/c'].map((topic) => `${prefix}/${topic}`));
  });

  test('stores a retained message with its QoS, and replaces the earlier one [3.1.1 MQTT-3.3.1-5] [5.0 MQTT-3.3.1-5]', async () => {
    const topic = unique('t');
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'one', { qos: 2, retain: true });
    expect(await retained(level, topic)).toEqual(['one 2']);
    await publisher.publish(topic, 'two', { qos: 1, retain: true });
    expect(await retained(level, topic)).toEqual(['two 1']);
  });

  test('replaces a retained message by one of QoS 0 [3.1.1 MQTT-3.3.1-7] [5.0 MQTT-3.3.1-5]', async () => {
    const topic = unique('t');
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'one', { qos: 1, retain: true });
    await publisher.publish(topic, 'two', { qos: 0, retain: true });
    await publisher.publish(topic, 'behind it', { qos: 1 });
    expect(await retained(level, topic)).toEqual(['two 0']);
  });

  test('sends the retained message of each matching topic to a new subscription, with RETAIN 1 [3.1.1 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-8] [5.0 MQTT-3.3.1-9]', async () => {
    const prefix = unique('t');
    const publisher = await server.current.connect(level);
    const topics = ['a', 'a/b', '', 'c'].map((rest) => `${prefix}/${rest}`);
    for (const topic of topics) await publisher.publish(topic, topic, { qos: 1, retain: true });
    await publisher.publish(`other/${prefix}`, 'other', { qos: 1, retain: true });
    for (const session of [{}, persistent(level)]) {
      const subscriber = await server.current.connect(level, session);
      await subscriber.subscribe(`${prefix}/#`, 1);
      await publisher.publish(`${prefix}/d`, 'marker', { qos: 1 });
      const got = (await subscriber.payloadsUntil('marker')).filter((payload) => payload !== 'marker');
      expect(got.sort()).toEqual([...topics].sort());
      expect(subscriber.received('publish').map(({ retain }) => retain)).toEqual([
        true,
        true,
        true,
        true,
        false,
      ]);
    }
  });

  test('sends a message for an established subscription with RETAIN 0, connected or queued [3.1.1 MQTT-3.3.1-9] [5.0 MQTT-3.3.1-12]', async () => {
    const topic = unique('t');
    const clientId = unique('c');
    const first = await server.current.connect(level, { clientId, ...persistent(level) });
    await first.subscribe(topic, 1);
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'live', { qos: 1, retain: true });
    await first.payloadsUntil('live');
    await first.disconnect();
    await publisher.publish(topic, 'queued', { qos: 1, retain: true });
    const again = await server.current.connect(level, { clientId, ...persistent(level) });
    await again.payloadsUntil('queued');
    const received = [...first.received('publish'), ...again.received('publish')];
    expect(received.map(({ retain }) => retain)).toEqual([false, false]);
  });

  test('delivers an empty retained message, deletes the retained one, and stores nothing [3.1.1 MQTT-3.3.1-10] [3.1.1 MQTT-3.3.1-11] [5.0 MQTT-3.3.1-6] [5.0 MQTT-3.3.1-7]', async () => {
    const topic = unique('t');
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    const subscriber = await subscriberOf(level, topic);
    await subscriber.payloadsUntil('kept');
    await publisher.publish(topic, '', { qos: 1, retain: true });
    expect(await subscriber.payloadsUntil('')).toEqual(['kept', '']);
    expect(subscriber.received('publish').at(-1)?.retain).toBe(false);
    expect(await retained(level, topic)).toEqual([]);
    // On a topic without a retained message it stores nothing either.
    await publisher.publish(`${topic}/none`, '', { qos: 1, retain: true });
    expect(await retained(level, `${topic}/none`)).toEqual([]);
  });

  test('neither stores nor replaces a retained message for RETAIN 0 [3.1.1 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-8]', async () => {
    const topic = unique('t');
    const publisher = await server.current.connect(level);
    await publisher.publish(topic, 'plain', { qos: 1 });
    expect(await retained(level, topic)).toEqual([]);
    await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    await publisher.publish(topic, 'plain', { qos: 2 });
    await publisher.publish(topic, '', { qos: 1 });
    expect(await retained(level, topic)).toEqual(['kept 1']);
  });

  test('sends one copy of a message for overlapping subscriptions, with their highest QoS [3.1.1 MQTT-3.3.5-1] [5.0 MQTT-3.3.4-2]', async () => {
    const prefix = unique('t');
    const clientId = unique('c');
    const subscriber = await server.current.connect(level, { clientId, ...persistent(level) });
    await subscriber.subscribe(`${prefix}/#`, 0);
    await subscriber.subscribe(`${prefix}/+`, 2);
    await subscriber.subscribe(`${prefix}/a`, 1);
    const publisher = await server.current.connect(level);
    await publisher.publish(`${prefix}/a`, 'live', { qos: 2 });
    await publisher.publish(`${prefix}/a/b`, 'marker', { qos: 2 });
    await subscriber.payloadsUntil('marker');
    expect(subscriber.received('publish').map(({ payload, qos }) => `${payload.toString()} ${qos}`)).toEqual([
      'live 2',
      'marker 0',
    ]);
    await subscriber.disconnect();
    await publisher.publish(`${prefix}/a`, 'queued', { qos: 2 });
    await publisher.publish(`${prefix}/a`, 'last', { qos: 1 });
    const again = await server.current.connect(level, { clientId, ...persistent(level) });
    await again.payloadsUntil('last');
    expect(again.received('publish').map(({ payload, qos }) => `${payload.toString()} ${qos}`)).toEqual([
      'queued 2',
      'last 1',
    ]);
  });
});

test('the server closes the connection of an MQTT 3.1.1 client that publishes to a topic it may not use [3.1.1 MQTT-3.3.5-2]', async () => {
  for (const qos of [0, 1, 2] as const) {
    const client = await server.current.connect(4);
    client.send(publishPacket('$SYS/broker/version', 'x', { qos, ...(qos > 0 && { messageId: 1 }) }));
    await client.closed;
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
  }
});
