import { frame, noProperties, text } from './support/bytes.ts';
import { levels } from './support/client.ts';
import type { Level } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

async function subscribeFault(level: Level, filter: string): Promise<void> {
  const client = await server.current.connect(level);
  client.write(frame(0x82, 0, 1, noProperties(level), text(filter), 0));
  await client.closed;
  expect(client.received('suback')).toEqual([]);
  if (level === 5) expect(client.received('disconnect')[0]?.reasonCode).toBe(0x81);
}

/** Returns which of these topics the filter matches. All topics and the filter are below a prefix of their own. */
async function matched(level: Level, filter: string, topics: readonly string[]): Promise<string[]> {
  const prefix = unique('t');
  const subscriber = await server.current.connect(level);
  await subscriber.subscribe(`${prefix}${filter}`, 1);
  await subscriber.subscribe(`${prefix}-last`, 1);
  for (const topic of topics) await subscriber.publish(`${prefix}${topic}`, topic, { qos: 1 });
  await subscriber.publish(`${prefix}-last`, 'last', { qos: 1 });
  return (await subscriber.payloadsUntil('last')).slice(0, -1);
}

const someTopics = ['', '/', '/a', '/a/', '/a/b', '/a/b/c', '//b', '/A', '/b'];

describe.each(levels)('at protocol level %i, the server', (level) => {
  test.each([
    ['/#', ['', '/', '/a', '/a/', '/a/b', '/a/b/c', '//b', '/A', '/b']],
    ['/a/#', ['/a', '/a/', '/a/b', '/a/b/c']],
    ['/+', ['/', '/a', '/A', '/b']],
    ['/+/+', ['/a/', '/a/b', '//b']],
    ['/+/b/#', ['/a/b', '/a/b/c', '//b']],
    ['/a', ['/a']],
    ['/a/+/c', ['/a/b/c']],
  ])(
    'matches the filter %s exactly with the topics of the standard [3.1.1 MQTT-4.7.1-2] [3.1.1 MQTT-4.7.1-3] [5.0 MQTT-4.7.1-1] [5.0 MQTT-4.7.1-2] [3.1.1 MQTT-3.8.3-2]',
    async (filter, expected) => {
      expect(await matched(level, filter, someTopics)).toEqual(expected);
    },
  );

  test.each(['a#', 'a/#/b', '#/a', '##', 'a/b#'])(
    'closes the connection for the filter %s, in which # does not stand alone at the end [3.1.1 MQTT-4.7.1-2] [5.0 MQTT-4.7.1-1]',
    (filter) => subscribeFault(level, filter),
  );

  test.each(['a+', '+a', 'a/+b/c', 'a/b+/c', '++'])(
    'closes the connection for the filter %s, in which + does not stand alone in its level [3.1.1 MQTT-4.7.1-3] [5.0 MQTT-4.7.1-2]',
    (filter) => subscribeFault(level, filter),
  );

  test('closes the connection for an empty filter and an empty topic [3.1.1 MQTT-4.7.3-1] [5.0 MQTT-4.7.3-1]', async () => {
    await subscribeFault(level, '');
    const client = await server.current.connect(level);
    client.write(frame(0x30, text(''), noProperties(level), 'x'));
    await client.closed;
  });

  test('does not match # and + at the start of a filter with topics that begin with $ [3.1.1 MQTT-4.7.2-1] [5.0 MQTT-4.7.2-1]', async () => {
    const name = unique('dollar');
    const publisher = await server.current.connect(level);
    await publisher.publish(`$${name}/a`, 'retained', { qos: 1, retain: true });
    for (const session of [{}, persistent(level)]) {
      const clientId = unique('c');
      const client = await server.current.connect(level, { clientId, ...session });
      for (const filter of ['#', '+/a', '+/#']) await client.subscribe(filter, 1);
      for (const qos of [0, 1] as const) await publisher.publish(`$${name}/a`, 'hidden', { qos });
      await publisher.publish(`${name}/b`, 'seen', { qos: 1 });
      await client.payloadsUntil('seen');
      const topics = client.received('publish').map(({ topic }) => topic);
      expect(topics.filter((topic) => topic.startsWith('$'))).toEqual([]);
      await client.subscribe(`$${name}/#`, 1);
      expect(await client.payloadsUntil('retained')).toContain('retained');
      await client.disconnect();
    }
  });

  test('compares topics and filters byte for byte: no case folding, no Unicode normalization [3.1.1 MQTT-4.7.3-4] [5.0 MQTT-4.7.3-4]', async () => {
    const composed = '/\u00e9';
    const decomposed = '/e\u0301';
    const topics = [composed, decomposed, '/É', '/e', '/ e', '/e ', '//e', '/e/', '/E', '/.', '/%65'];
    for (const filter of topics) expect(await matched(level, filter, topics)).toEqual([filter]);
  });

  test('accepts topics and filters of up to 65,535 bytes [3.1.1 MQTT-4.7.3-3] [5.0 MQTT-4.7.3-3]', async () => {
    const client = await server.current.connect(level);
    const longest = `${unique('long')}/`.padEnd(65_535, 'x');
    expect(await client.subscribe(longest, 1)).toEqual([1]);
    await client.publish(longest, 'arrives', { qos: 1 });
    await client.payloadsUntil('arrives');
    const [message] = client.received('publish');
    expect(message!.topic === longest).toBe(true);
  });

  test('accepts spaces, an empty first level and a single slash in topics [3.1.1 MQTT-4.7.3-1] [5.0 MQTT-4.7.3-1]', async () => {
    const client = await server.current.connect(level);
    for (const topic of ['/', ` ${unique('space')} `, `/${unique('first')}`]) {
      expect(await client.subscribe(topic, 1)).toEqual([1]);
      await client.publish(topic, topic, { qos: 1 });
      await client.payloadsUntil(topic);
      expect(client.received('publish').at(-1)?.topic).toBe(topic);
    }
  });
});
