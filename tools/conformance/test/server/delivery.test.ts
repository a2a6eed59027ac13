import { levels, publishPacket } from './support/client.ts';
import type { Client, Level, Publish } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

interface Exchange {
  readonly clientId: string;
  readonly topic: string;
  readonly client: Client;
  readonly publisher: Client;
}

/** A persistent session that is subscribed at QoS 2 and acknowledges only what its test acknowledges. */
async function subscribed(level: Level): Promise<Exchange> {
  const clientId = unique('c');
  const topic = unique('t');
  const client = await server.current.connect(level, { clientId, ...persistent(level), manual: true });
  await client.subscribe(topic, 2);
  return { clientId, topic, client, publisher: await server.current.connect(level) };
}

function resume(level: Level, clientId: string): Promise<Client> {
  return server.current.connect(level, { clientId, ...persistent(level), manual: true });
}

/** Payload, packet id and DUP of each message. */
function described(messages: readonly Publish[]): string[] {
  return messages.map(({ payload, messageId, dup }) => `${payload.toString()} ${messageId} ${dup}`);
}

describe.each(levels)('at protocol level %i, the server', (level) => {
  test('acknowledges a QoS 1 message, and then accepts its packet id for a new message, with DUP 0 and 1 [3.1.1 MQTT-4.3.2-2] [5.0 MQTT-4.3.2-4] [5.0 MQTT-4.3.2-5]', async () => {
    const { topic, client, publisher } = await subscribed(level);
    for (const [payload, dup] of [
      ['one', false],
      ['two', false],
      ['three', true],
    ] as const) {
      publisher.send(publishPacket(topic, payload, { qos: 1, messageId: 5, dup }));
      expect((await publisher.next('puback')).messageId).toBe(5);
    }
    expect(await client.payloadsUntil('three')).toEqual(['one', 'two', 'three']);
  });

  test('accepts a QoS 2 message once until PUBREL, and a new message with the same packet id after PUBCOMP [3.1.1 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-8] [5.0 MQTT-4.3.3-10] [5.0 MQTT-4.3.3-11] [5.0 MQTT-4.3.3-12]', async () => {
    const { topic, client, publisher } = await subscribed(level);
    publisher.send(publishPacket(topic, 'one', { qos: 2, messageId: 5 }));
    expect((await publisher.next('pubrec')).messageId).toBe(5);
    for (const dup of [true, false]) {
      publisher.send(publishPacket(topic, 'one', { qos: 2, messageId: 5, dup }));
      expect((await publisher.next('pubrec')).messageId).toBe(5);
    }
    publisher.send({ cmd: 'pubrel', messageId: 5 });
    expect((await publisher.next('pubcomp')).messageId).toBe(5);
    publisher.send(publishPacket(topic, 'two', { qos: 2, messageId: 5, dup: true }));
    await publisher.next('pubrec');
    await publisher.publish(topic, 'last', { qos: 1 });
    expect(await client.payloadsUntil('last')).toEqual(['one', 'two', 'last']);
    // A PUBREL for an exchange that is complete is answered as well.
    publisher.send({ cmd: 'pubrel', messageId: 5 }, { cmd: 'pubrel', messageId: 5 });
    await publisher.next('pubcomp');
    await publisher.next('pubcomp');
  });

  test('continues the QoS 2 exchange of a publisher that reconnects [3.1.1 MQTT-4.3.3-2] [5.0 MQTT-4.3.3-10] [3.1.1 MQTT-4.1.0-1]', async () => {
    const { topic, client } = await subscribed(level);
    const clientId = unique('p');
    const first = await resume(level, clientId);
    first.send(publishPacket(topic, 'once', { qos: 2, messageId: 9 }));
    await first.next('pubrec');
    first.drop();
    const again = await resume(level, clientId);
    again.send(publishPacket(topic, 'once', { qos: 2, messageId: 9, dup: true }));
    await again.next('pubrec');
    again.send({ cmd: 'pubrel', messageId: 9 });
    await again.next('pubcomp');
    await again.publish(topic, 'last', { qos: 1 });
    expect(await client.payloadsUntil('last')).toEqual(['once', 'last']);
  });

  test('resends messages without acknowledgement after a reconnect, with their packet ids and in their order, and no other message [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.4.0-1] [3.1.1 MQTT-2.3.1-4] [3.1.1 MQTT-4.3.2-1] [5.0 MQTT-4.3.2-3] [5.0 MQTT-4.3.3-3] [3.1.1 MQTT-4.6.0-1]', async () => {
    const { clientId, topic, client, publisher } = await subscribed(level);
    for (let number = 0; number < 6; number++) {
      await publisher.publish(topic, String(number), { qos: number % 2 === 0 ? 1 : 2 });
    }
    await client.payloadsUntil('5');
    const sent = client.received('publish');
    expect(described(sent)).toEqual(sent.map(({ messageId }, number) => `${number} ${messageId} false`));
    client.send({ cmd: 'puback', messageId: sent[2]!.messageId! });
    client.send({ cmd: 'pubrec', messageId: sent[1]!.messageId! });
    await client.next('pubrel');
    client.send({ cmd: 'pubcomp', messageId: sent[1]!.messageId! });
    // An acknowledgement is part of the session at the latest when the client has disconnected.
    await client.disconnect();
    const again = await resume(level, clientId);
    await again.payloadsUntil('5');
    const expected = [0, 3, 4, 5].map((number) => `${number} ${sent[number]!.messageId} true`);
    expect(described(again.received('publish'))).toEqual(expected);
  });

  test('answers PUBREC by PUBREL, and resends PUBREL instead of the message after a reconnect, until PUBCOMP [3.1.1 MQTT-4.3.3-1] [3.1.1 MQTT-4.4.0-1] [5.0 MQTT-4.3.3-4] [5.0 MQTT-4.3.3-5] [5.0 MQTT-4.3.3-6] [5.0 MQTT-4.4.0-1]', async () => {
    const { clientId, topic, client, publisher } = await subscribed(level);
    await publisher.publish(topic, 'x', { qos: 2 });
    const { messageId = 0 } = await client.next('publish');
    client.send({ cmd: 'pubrec', messageId });
    expect((await client.next('pubrel')).messageId).toBe(messageId);
    client.drop();
    for (let count = 0; count < 2; count++) {
      const again = await resume(level, clientId);
      expect((await again.next('pubrel')).messageId).toBe(messageId);
      expect(again.received('publish')).toEqual([]);
      if (count === 0) again.drop();
      else {
        again.send({ cmd: 'pubcomp', messageId });
        await again.disconnect();
      }
    }
    const last = await resume(level, clientId);
    await publisher.publish(topic, 'last', { qos: 1 });
    expect(await last.payloadsUntil('last')).toEqual(['last']);
    expect(last.received('pubrel')).toEqual([]);
  });

  test('resends nothing while the connection lasts [5.0 MQTT-4.4.0-1]', async () => {
    const { topic, client, publisher } = await subscribed(level);
    await publisher.publish(topic, 'one', { qos: 1 });
    await publisher.publish(topic, 'two', { qos: 2 });
    await client.payloadsUntil('two');
    const { messageId = 0 } = client.received('publish')[1]!;
    client.send({ cmd: 'pubrec', messageId });
    await client.next('pubrel');
    const until = performance.now() + 1_500;
    while (performance.now() < until) {
      await client.settle();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(client.payloads).toEqual(['one', 'two']);
    expect(client.received('pubrel')).toHaveLength(1);
  });

  test.each([0, 1, 2] as const)(
    'delivers QoS %i messages of one client and topic in their order, live and queued [3.1.1 MQTT-4.6.0-5] [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5] [5.0 MQTT-4.6.0-6]',
    async (qos) => {
      const topic = unique('t');
      const clientId = unique('c');
      const live = await server.current.connect(level);
      const absent = await server.current.connect(level, { clientId, ...persistent(level) });
      for (const client of [live, absent]) await client.subscribe(topic, 2);
      const publisher = await server.current.connect(level);
      const numbers = Array.from({ length: 50 }, (_, number) => String(number));
      const send = (payloads: readonly string[], first: number): void =>
        publisher.send(
          ...payloads.map((payload, index) =>
            publishPacket(topic, payload, { qos, ...(qos > 0 && { messageId: first + index }) }),
          ),
        );
      send(numbers.slice(0, 25), 1);
      await absent.payloadsUntil('24');
      await absent.disconnect();
      send(numbers.slice(25), 26);
      expect(await live.payloadsUntil('49')).toEqual(numbers);
      if (qos === 0) return;
      const again = await server.current.connect(level, { clientId, ...persistent(level) });
      expect([...absent.payloads, ...(await again.payloadsUntil('49'))]).toEqual(numbers);
    },
  );

  test('delivers the messages of a client to the sessions that subscribe, until they acknowledge [3.1.1 MQTT-4.5.0-1] [5.0 MQTT-4.5.0-1] [5.0 MQTT-4.3.2-3]', async () => {
    const { clientId, topic, client, publisher } = await subscribed(level);
    await publisher.publish(topic, 'x', { qos: 1 });
    for (let count = 0, current = client; count < 3; count++) {
      expect(await current.payloadsUntil('x')).toEqual(['x']);
      current.drop();
      current = await resume(level, clientId);
    }
  });
});

describe('the server, for MQTT 5.0,', () => {
  test('accepts a packet id for a new message after a PUBREC of 0x80 or above [5.0 MQTT-4.3.3-9]', async () => {
    const { topic, client, publisher } = await subscribed(5);
    publisher.send(publishPacket('$SYS/refused', 'no', { qos: 2, messageId: 5 }));
    expect((await publisher.next('pubrec')).reasonCode).toBe(0x87);
    publisher.send(publishPacket(topic, 'yes', { qos: 2, messageId: 5 }));
    expect((await publisher.next('pubrec')).reasonCode ?? 0).toBeLessThan(0x80);
    expect(await client.payloadsUntil('yes')).toEqual(['yes']);
  });

  test('takes PUBACK and PUBREC of 0x80 or above as acknowledgements, and sends no PUBREL [5.0 MQTT-4.4.0-2] [5.0 MQTT-4.3.3-4]', async () => {
    const { clientId, topic, client, publisher } = await subscribed(5);
    await publisher.publish(topic, 'one', { qos: 1 });
    await publisher.publish(topic, 'two', { qos: 2 });
    await client.payloadsUntil('two');
    const [one, two] = client.received('publish');
    client.send({ cmd: 'puback', messageId: one!.messageId!, reasonCode: 0x97 });
    client.send({ cmd: 'pubrec', messageId: two!.messageId!, reasonCode: 0x80 });
    await client.settle();
    await client.disconnect();
    expect(client.received('pubrel')).toEqual([]);
    const again = await resume(5, clientId);
    await publisher.publish(topic, 'last', { qos: 1 });
    expect(await again.payloadsUntil('last')).toEqual(['last']);
    expect(again.received('pubrel')).toEqual([]);
  });

  test('does not expire a QoS 2 message that it has sent [5.0 MQTT-4.3.3-7]', async () => {
    const { clientId, topic, client, publisher } = await subscribed(5);
    await publisher.publish(topic, 'x', { qos: 2, properties: { messageExpiryInterval: 1 } });
    const { messageId = 0 } = await client.next('publish');
    client.drop();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await publisher.publish(topic, 'time passes', { qos: 1 });
    const again = await resume(5, clientId);
    expect(await again.next('publish')).toMatchObject({ messageId, dup: true, qos: 2 });
    again.send({ cmd: 'pubrec', messageId });
    expect((await again.next('pubrel')).messageId).toBe(messageId);
  });

  test('completes the QoS 2 exchange of a publisher although the message has expired [5.0 MQTT-4.3.3-13]', async () => {
    const { topic, publisher } = await subscribed(5);
    const properties = { messageExpiryInterval: 1 };
    publisher.send(publishPacket(topic, 'x', { qos: 2, messageId: 5, properties }));
    await publisher.next('pubrec');
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    publisher.send(publishPacket(topic, 'x', { qos: 2, messageId: 5, dup: true, properties }));
    expect((await publisher.next('pubrec')).reasonCode ?? 0).toBeLessThan(0x80);
    publisher.send({ cmd: 'pubrel', messageId: 5 });
    expect((await publisher.next('pubcomp')).messageId).toBe(5);
  });
});
