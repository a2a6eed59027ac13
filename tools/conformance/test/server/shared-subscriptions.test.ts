import { frame, text } from './support/bytes.ts';
import type { Client } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

/** Two sessions of one share group that acknowledge only what their test acknowledges. */
async function group(
  qos: 0 | 1 | 2,
): Promise<{ topic: string; filter: string; ids: string[]; members: Client[] }> {
  const topic = unique('t');
  const filter = `$share/${unique('group')}/${topic}`;
  const ids = [unique('a'), unique('b')];
  const members = await Promise.all(
    ids.map((clientId) => server.current.connect(5, { clientId, ...persistent(5), manual: true })),
  );
  for (const member of members) await member.subscribe(filter, qos);
  return { topic, filter, ids, members };
}

/** Publishes until the member at this index has received a message, and returns this message. */
async function delivery(
  topic: string,
  member: Client,
  publisher: Client,
): Promise<{ payload: string; messageId: number }> {
  for (let number = 0; member.payloads.length === 0; number++) {
    await publisher.publish(topic, `m${number}`, { qos: 2 });
    await member.settle();
  }
  const { payload, messageId = 0 } = member.received('publish')[0]!;
  return { payload: payload.toString(), messageId };
}

describe('the server, for shared subscriptions of MQTT 5.0,', () => {
  test.each([
    ['an empty share name [5.0 MQTT-4.8.2-1]', '$share//a'],
    ['a share name without a filter [5.0 MQTT-4.8.2-2]', '$share/g'],
    ['an empty filter [5.0 MQTT-4.8.2-2]', '$share/g/'],
    ['+ in the share name [5.0 MQTT-4.8.2-2]', '$share/g+/a'],
    ['# in the share name [5.0 MQTT-4.8.2-2]', '$share/#/a'],
    ['a wrong filter behind the share name', '$share/g/a#'],
  ])('disconnects a client that subscribes with %s', async (_name, filter) => {
    const client = await server.current.connect(5);
    client.write(frame(0x82, 0, 1, 0, text(filter), 0));
    await client.closed;
    expect(client.received('suback')).toEqual([]);
    expect(client.received('disconnect')).toMatchObject([{ reasonCode: 0x81 }]);
  });

  test('delivers each message to one session of the group, and to other subscribers as well [5.0 MQTT-4.8.2-1] [5.0 MQTT-4.8.2-2]', async () => {
    const topic = unique('t');
    const filter = `$share/${unique('group')}/${topic}/+`;
    const clients = [await server.current.connect(5), await server.current.connect(5)];
    const plain = await server.current.connect(5);
    for (const client of clients) await client.subscribe(filter, 1);
    await plain.subscribe(`${topic}/+`, 1);
    const numbers = Array.from({ length: 20 }, (_, number) => String(number));
    for (const payload of numbers) await plain.publish(`${topic}/a`, payload, { qos: 1 });
    expect(await plain.payloadsUntil('19')).toEqual(numbers);
    while (clients.flatMap(({ payloads }) => payloads).length < 20)
      for (const client of clients) await client.settle();
    const received = clients.flatMap(({ payloads }) => payloads).map(Number);
    expect(received.sort((one, other) => one - other)).toEqual(numbers.map(Number));
    for (const { payloads } of clients) expect(payloads.length).toBeGreaterThan(0);
  });

  test.each([0, 1, 2] as const)(
    'delivers with at most the granted QoS %i [5.0 MQTT-4.8.2-3]',
    async (granted) => {
      const topic = unique('t');
      const client = await server.current.connect(5);
      expect(await client.subscribe(`$share/g/${topic}`, granted)).toEqual([granted]);
      const publisher = await server.current.connect(5);
      for (const qos of [0, 1, 2] as const) await publisher.publish(topic, String(qos), { qos });
      for (let count = 0; count < 3; count++) await client.next('publish');
      for (const { payload, qos } of client.received('publish')) {
        expect(qos).toBe(Math.min(Number(payload.toString()), granted));
      }
    },
  );

  test('completes a QoS 2 delivery that has begun with the same client after its reconnect [5.0 MQTT-4.8.2-4]', async () => {
    const { topic, ids, members } = await group(2);
    const publisher = await server.current.connect(5);
    const { payload, messageId } = await delivery(topic, members[0]!, publisher);
    members[0]!.drop();
    const again = await server.current.connect(5, { clientId: ids[0]!, ...persistent(5), manual: true });
    await again.payloadsUntil(payload);
    expect(again.received('publish')[0]).toMatchObject({ messageId, qos: 2, dup: true });
    again.send({ cmd: 'pubrec', messageId });
    expect((await again.next('pubrel')).messageId).toBe(messageId);
    await members[1]!.settle();
    expect(members[1]!.payloads).not.toContain(payload);
  });

  test('does not send a QoS 2 message whose delivery has begun to another client when the session ends [5.0 MQTT-4.8.2-5]', async () => {
    const { topic, ids, members } = await group(2);
    const publisher = await server.current.connect(5);
    const { payload } = await delivery(topic, members[0]!, publisher);
    members[0]!.drop();
    // Clean Start 1 ends the session.
    const ended = await server.current.connect(5, { clientId: ids[0]!, clean: true });
    await publisher.publish(topic, 'last', { qos: 1 });
    await members[1]!.payloadsUntil('last');
    expect(members[1]!.payloads).not.toContain(payload);
    expect(ended.payloads).toEqual([]);
  });

  test('does not send a message that its client refused to another client [5.0 MQTT-4.8.2-6]', async () => {
    for (const qos of [1, 2] as const) {
      const { topic, members } = await group(qos);
      const publisher = await server.current.connect(5);
      const { payload, messageId } = await delivery(topic, members[0]!, publisher);
      members[0]!.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0x80 });
      await members[0]!.settle();
      members[0]!.drop();
      await publisher.publish(topic, 'one', { qos: 1 });
      await publisher.publish(topic, 'two', { qos: 1 });
      await members[1]!.payloadsUntil('two');
      expect(members[1]!.payloads).not.toContain(payload);
    }
  });
});
