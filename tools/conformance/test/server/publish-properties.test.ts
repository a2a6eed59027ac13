import { frame, text, variable } from './support/bytes.ts';
import { publishPacket } from './support/client.ts';
import type { Client, Publish } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

async function subscriberOf(filter: string, options: { topicAliasMaximum?: number } = {}): Promise<Client> {
  const client = await server.current.connect(5, { properties: options });
  await client.subscribe(filter, 2);
  return client;
}

/** Sends the bytes on a new connection and returns the reason code of the DISCONNECT that answers them. */
async function disconnectReason(...bytes: (readonly number[])[]): Promise<number | undefined> {
  const client = await server.current.connect(5);
  client.write(...bytes);
  await client.closed;
  expect(client.packets.at(-1)?.cmd).toBe('disconnect');
  return client.received('disconnect')[0]?.reasonCode;
}

/** Encodes a QoS 0 PUBLISH with these property bytes. */
function publishFrame(topic: string, properties: readonly number[], payload = 'x'): number[] {
  return frame(0x30, text(topic), variable(properties.length), properties, payload);
}

const properties = {
  payloadFormatIndicator: true,
  contentType: 'text/plain; charset=ütf-8',
  responseTopic: 'answers/ä',
  correlationData: Buffer.from([0, 255, 1, 2]),
  userProperties: { name: 'värde' },
};

describe('the server, for MQTT 5.0,', () => {
  test.each([
    ['Payload Format Indicator [5.0 MQTT-3.3.2-4]', 'payloadFormatIndicator'],
    ['Response Topic [5.0 MQTT-3.3.2-15] [5.0 MQTT-3.3.2-13]', 'responseTopic'],
    ['Correlation Data [5.0 MQTT-3.3.2-16]', 'correlationData'],
    ['User Properties [5.0 MQTT-3.3.2-17]', 'userProperties'],
    ['Content Type [5.0 MQTT-3.3.2-20] [5.0 MQTT-3.3.2-19]', 'contentType'],
  ] as const)('forwards the %s unaltered: live, queued and retained', async (_name, key) => {
    const topic = unique('t');
    const clientId = unique('c');
    const absent = await server.current.connect(5, { clientId, ...persistent(5) });
    await absent.subscribe(topic, 1);
    await absent.disconnect();
    const live = await subscriberOf(topic);
    const publisher = await server.current.connect(5);
    const given = { [key]: properties[key] };
    await publisher.publish(topic, 'x', { qos: 1, retain: true, properties: given });
    await publisher.publish(topic, 'without', { qos: 1 });
    const again = await server.current.connect(5, { clientId, ...persistent(5) });
    const late = await subscriberOf(topic);
    for (const client of [live, again, late]) {
      const message = await client.next('publish');
      expect(message.payload.toString()).toBe('x');
      const { userProperties, ...rest } = message.properties ?? {};
      expect({ ...rest, ...(userProperties && { userProperties: { ...userProperties } }) }).toEqual(given);
    }
    const plain = await live.next('publish');
    expect(plain.properties ?? {}).toEqual({});
  });

  test('forwards User Properties with repeated names in their order [5.0 MQTT-3.3.2-17] [5.0 MQTT-3.3.2-18]', async () => {
    const topic = unique('t');
    const subscriber = await subscriberOf(topic);
    const pairs: [string, string][] = [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
      ['a', '1'],
      ['', ''],
      ['b', '1'],
    ];
    const bytes = pairs.flatMap(([name, value]) => [0x26, ...text(name), ...text(value)]);
    subscriber.write(publishFrame(topic, bytes));
    const message = await subscriber.next('publish');
    const received = subscriber.frames[subscriber.packets.indexOf(message)]!;
    expect(received.includes(Buffer.from(bytes))).toBe(true);
  });

  test('deletes a message that expires before its delivery [5.0 MQTT-3.3.2-5]', async () => {
    const topic = unique('t');
    const clientId = unique('c');
    const absent = await server.current.connect(5, { clientId, ...persistent(5) });
    await absent.subscribe(topic, 2);
    await absent.disconnect();
    const publisher = await server.current.connect(5);
    for (const qos of [1, 2] as const) {
      await publisher.publish(topic, `expires ${qos}`, { qos, properties: { messageExpiryInterval: 1 } });
    }
    await publisher.publish(topic, 'stays', { qos: 1, properties: { messageExpiryInterval: 60 } });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await publisher.publish(topic, 'last', { qos: 1 });
    const again = await server.current.connect(5, { clientId, ...persistent(5) });
    expect(await again.payloadsUntil('last')).toEqual(['stays', 'last']);
  });

  test('forwards the Message Expiry Interval less the time that the message has waited [5.0 MQTT-3.3.2-6]', async () => {
    const topic = unique('t');
    const clientId = unique('c');
    const absent = await server.current.connect(5, { clientId, ...persistent(5) });
    await absent.subscribe(topic, 1);
    await absent.disconnect();
    const publisher = await server.current.connect(5);
    const live = await subscriberOf(topic);
    await publisher.publish(topic, 'x', { qos: 1, properties: { messageExpiryInterval: 100 } });
    const intervalOf = ({ properties: each }: Publish): number => each?.messageExpiryInterval ?? NaN;
    expect(intervalOf(await live.next('publish'))).toBe(100);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await publisher.publish(topic, 'y', { qos: 1 });
    const again = await server.current.connect(5, { clientId, ...persistent(5) });
    const interval = intervalOf(await again.next('publish'));
    expect(interval).toBeLessThan(100);
    expect(interval).toBeGreaterThan(50);
  });

  test('accepts every topic alias from 1 to its Topic Alias Maximum, and their changes [5.0 MQTT-3.3.2-12]', async () => {
    const prefix = unique('t');
    const client = await subscriberOf(`${prefix}/#`);
    const maximum = client.connack.properties?.topicAliasMaximum ?? 0;
    expect(maximum).toBeGreaterThan(0);
    const send = (topic: string, topicAlias: number): void =>
      client.send(publishPacket(topic, `${topicAlias}`, { properties: { topicAlias } }));
    for (let alias = 1; alias <= maximum; alias++) send(`${prefix}/${alias}`, alias);
    for (let alias = 1; alias <= maximum; alias++) send('', alias);
    send(`${prefix}/changed`, 1);
    send('', 1);
    for (let count = 0; count < 2 * maximum + 2; count++) await client.next('publish');
    const topics = client.received('publish').map((packet) => packet.topic.slice(prefix.length + 1));
    const each = Array.from({ length: maximum }, (_, index) => String(index + 1));
    expect(topics).toEqual([...each, ...each, 'changed', 'changed']);
  });

  test('answers topic alias 0, and one above its maximum, by 0x94 [5.0 MQTT-3.3.2-8] [5.0 MQTT-4.13.1-1]', async () => {
    expect(await disconnectReason(publishFrame('a', [35, 0, 0]))).toBe(0x94);
    expect(await disconnectReason(publishFrame('a', [35, 0xff, 0xff]))).toBe(0x94);
  });

  test('does not carry topic aliases over to another connection of the session [5.0 MQTT-3.3.2-7]', async () => {
    const clientId = unique('c');
    const topic = unique('t');
    const first = await server.current.connect(5, { clientId, ...persistent(5) });
    first.send(publishPacket(topic, 'x', { properties: { topicAlias: 1 } }));
    await first.disconnect();
    const again = await server.current.connect(5, { clientId, ...persistent(5) });
    again.write(publishFrame('', [35, 0, 1]));
    await again.closed;
    expect(again.received('disconnect')).toMatchObject([{ reasonCode: 0x82 }]);
  });

  test('sends no topic alias above the maximum of the client, and none without a maximum [5.0 MQTT-3.1.2-26] [5.0 MQTT-3.1.2-27] [5.0 MQTT-3.3.2-11]', async () => {
    const topic = unique('t');
    const subscribers = [await subscriberOf(topic), await subscriberOf(topic, { topicAliasMaximum: 2 })];
    const publisher = await server.current.connect(5);
    for (let alias = 1; alias <= 5; alias++) {
      await publisher.publish(topic, `${alias}`, { qos: 1, properties: { topicAlias: alias } });
    }
    for (const [index, subscriber] of subscribers.entries()) {
      await subscriber.payloadsUntil('5');
      for (const { topic: name, properties: each } of subscriber.received('publish')) {
        expect(each?.topicAlias ?? 0).toBeLessThanOrEqual(index === 0 ? 0 : 2);
        if (each?.topicAlias === undefined) expect(name).toBe(topic);
      }
    }
  });

  test.each([
    ['a wildcard in the Response Topic [5.0 MQTT-3.3.2-14]', [8, ...text('a/#')], 0x82],
    ['a Response Topic that is no UTF-8 string [5.0 MQTT-3.3.2-13]', [8, ...text([0xff])], 0x81],
    ['a Content Type that is no UTF-8 string [5.0 MQTT-3.3.2-19]', [3, ...text([0xed, 0xa0, 0x80])], 0x81],
    ['a Subscription Identifier [5.0 MQTT-3.3.4-6]', [11, 1], 0x82],
    ['a repeated Content Type', [3, ...text('a'), 3, ...text('b')], 0x82],
  ])('disconnects a client whose PUBLISH has %s [5.0 MQTT-4.13.1-1]', async (_name, bytes, reasonCode) => {
    expect(await disconnectReason(publishFrame('a', bytes))).toBe(reasonCode);
  });

  test('forwards a retained flag as published only with Retain As Published [5.0 MQTT-3.3.1-12] [5.0 MQTT-3.3.1-13]', async () => {
    const topic = unique('t');
    const [with1, with0] = [await server.current.connect(5), await server.current.connect(5)];
    await with1.subscribe(topic, 1, { rap: true });
    await with0.subscribe(topic, 1, { rap: false });
    const publisher = await server.current.connect(5);
    await publisher.publish(topic, 'retained', { qos: 1, retain: true });
    await publisher.publish(topic, 'plain', { qos: 1 });
    for (const [client, flags] of [
      [with1, [true, false]],
      [with0, [false, false]],
    ] as const) {
      await client.payloadsUntil('plain');
      expect(client.received('publish').map(({ retain }) => retain)).toEqual(flags);
    }
  });

  test.each([
    [0, 'always [5.0 MQTT-3.3.1-9] [5.0 MQTT-3.8.4-4]', ['kept', 'kept', 'last']],
    [1, 'only for a new subscription [5.0 MQTT-3.3.1-10]', ['kept', 'last']],
    [2, 'never [5.0 MQTT-3.3.1-11]', ['last']],
  ] as const)('with Retain Handling %i sends retained messages %s', async (rh, _name, expected) => {
    const topic = unique('t');
    const publisher = await server.current.connect(5);
    await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    for (const session of [{}, persistent(5)]) {
      const client = await server.current.connect(5, session);
      await client.subscribe(topic, 1, { rh });
      await client.subscribe(topic, 1, { rh });
      await publisher.publish(topic, 'last', { qos: 1 });
      expect(await client.payloadsUntil('last')).toEqual(expected);
    }
  });

  test.each([
    ['clean', {}],
    ['persistent', persistent(5)],
  ])(
    'sends the subscription identifiers of all matching subscriptions of a %s session in its single copy [5.0 MQTT-3.3.4-3] [5.0 MQTT-3.3.4-4]',
    async (_name, session) => {
      const prefix = unique('t');
      const client = await server.current.connect(5, session);
      for (const [messageId, filter, subscriptionIdentifier] of [
        [1, `${prefix}/#`, 10],
        [2, `${prefix}/+`, 268_435_455],
        [3, `${prefix}/b`, 30],
      ] as const) {
        client.send({
          cmd: 'subscribe',
          messageId,
          subscriptions: [{ topic: filter, qos: 1 }],
          properties: { subscriptionIdentifier },
        });
        await client.next('suback');
      }
      await client.subscribe(`${prefix}/a`, 2);
      for (const qos of [0, 1, 2] as const) {
        await client.publish(`${prefix}/a`, String(qos), { qos });
        const { properties: each } = await client.next('publish');
        const identifiers = [each?.subscriptionIdentifier ?? []].flat() as number[];
        expect(identifiers.sort((one, other) => one - other)).toEqual([10, 268_435_455]);
      }
      await client.publish(`${prefix}/a`, 'last', { qos: 1 });
      expect(await client.payloadsUntil('last')).toEqual(['0', '1', '2', 'last']);
    },
  );

  test('sends no reason strings and no user properties of its own to a client that asks for none [5.0 MQTT-3.1.2-29]', async () => {
    const client = await server.current.connect(5, { properties: { requestProblemInformation: false } });
    client.send(publishPacket('$SYS/a', 'x', { qos: 1, messageId: 1 }));
    client.send(publishPacket('$SYS/a', 'x', { qos: 2, messageId: 2 }));
    expect((await client.next('puback')).reasonCode).toBe(0x87);
    expect((await client.next('pubrec')).reasonCode).toBe(0x87);
    expect(await client.subscribe('$bridge/#', 0)).toEqual([0x87]);
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['never'] });
    client.send({ cmd: 'pubrel', messageId: 77 });
    await client.next('unsuback');
    await client.next('pubcomp');
    const exempt = ['publish', 'connack', 'disconnect'];
    for (const packet of client.packets.filter(({ cmd }) => !exempt.includes(cmd))) {
      expect(packet).not.toHaveProperty('properties.reasonString');
      expect(packet).not.toHaveProperty('properties.userProperties');
    }
  });
});
