import { variable } from './support/bytes.ts';
import { levels, publishPacket } from './support/client.ts';
import type { Client } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

const receiveMaximum = 3;

describe('the server, for a client with Receive Maximum 3,', () => {
  async function flooded(qos: 1 | 2): Promise<{ client: Client; topic: string; publisher: Client }> {
    const topic = unique('t');
    const properties = { receiveMaximum, sessionExpiryInterval: 60 };
    const client = await server.current.connect(5, { clean: false, properties, manual: true });
    await client.subscribe(`${topic}/+`, 2);
    const publisher = await server.current.connect(5);
    for (let number = 0; number < 10; number++)
      await publisher.publish(`${topic}/a`, String(number), { qos });
    await client.payloadsUntil('2');
    return { client, topic, publisher };
  }

  test.each([1, 2] as const)(
    'has at most 3 unacknowledged QoS %i messages, and sends the next one when one is complete [5.0 MQTT-3.3.4-9] [5.0 MQTT-4.9.0-1] [5.0 MQTT-4.9.0-2]',
    async (qos) => {
      const { client } = await flooded(qos);
      for (let done = 0; done < 7; done++) {
        await client.settle();
        expect(client.payloads).toHaveLength(receiveMaximum + done);
        const { messageId = 0 } = client.received('publish')[done]!;
        if (qos === 1) client.send({ cmd: 'puback', messageId });
        else {
          client.send({ cmd: 'pubrec', messageId });
          await client.next('pubrel');
          // The message counts until PUBCOMP.
          await client.settle();
          expect(client.payloads).toHaveLength(receiveMaximum + done);
          client.send({ cmd: 'pubcomp', messageId });
        }
        await client.payloadsUntil(String(receiveMaximum + done));
      }
      expect(client.payloads).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    },
  );

  test('counts a PUBREC of 0x80 or above as the end of a message [5.0 MQTT-3.3.4-9]', async () => {
    const { client } = await flooded(2);
    const { messageId = 0 } = client.received('publish')[0]!;
    client.send({ cmd: 'pubrec', messageId, reasonCode: 0x97 });
    expect(await client.payloadsUntil('3')).toEqual(['0', '1', '2', '3']);
  });

  test('handles and answers all other packets while the window is full [5.0 MQTT-3.3.4-10] [5.0 MQTT-4.9.0-3]', async () => {
    const { client, topic } = await flooded(1);
    await client.settle();
    expect(await client.subscribe(`${topic}/b`, 0)).toEqual([0]);
    await client.publish('other', 'x', { qos: 1 });
    await client.publish('other', 'x', { qos: 2 });
    client.send({ cmd: 'unsubscribe', messageId: 99, unsubscriptions: [`${topic}/b`] });
    expect((await client.next('unsuback')).messageId).toBe(99);
    // QoS 0 messages do not count.
    await client.publish(`${topic}/c`, 'qos 0', { qos: 0 });
    await client.payloadsUntil('qos 0');
    expect(client.payloads).toEqual(['0', '1', '2', 'qos 0']);
  });
});

test('the server disconnects a client that exceeds its Receive Maximum with 0x93 [5.0 MQTT-4.13.1-1]', async () => {
  const client = await server.current.connect(5);
  const maximum = client.connack.properties?.receiveMaximum ?? 65_535;
  for (let messageId = 1; messageId <= maximum + 1; messageId++) {
    client.send(publishPacket('t', 'x', { qos: 2, messageId }));
  }
  await client.closed;
  expect(client.received('disconnect')).toMatchObject([{ reasonCode: 0x93 }]);
  expect(client.received('pubrec').length).toBeLessThanOrEqual(maximum);
});

describe('the server, for a client with Maximum Packet Size 64,', () => {
  const maximumPacketSize = 64;

  test('sends no larger packet of any type, and so no Reason String or User Property that would make one [5.0 MQTT-3.1.2-24] [5.0 MQTT-3.2.2-19] [5.0 MQTT-3.2.2-20] [5.0 MQTT-3.4.2-2] [5.0 MQTT-3.4.2-3] [5.0 MQTT-3.5.2-2] [5.0 MQTT-3.5.2-3] [5.0 MQTT-3.6.2-2] [5.0 MQTT-3.6.2-3] [5.0 MQTT-3.7.2-2] [5.0 MQTT-3.7.2-3] [5.0 MQTT-3.9.2-1] [5.0 MQTT-3.9.2-2] [5.0 MQTT-3.11.2-1] [5.0 MQTT-3.11.2-2] [5.0 MQTT-3.14.2-3] [5.0 MQTT-3.14.2-4]', async () => {
    const topic = unique('t');
    const client = await server.current.connect(5, { properties: { maximumPacketSize } });
    await client.subscribe(topic, 2);
    await client.subscribe('$bridge/refused', 2);
    // Each acknowledgement once as a success and once as a failure, for which a server may add a reason.
    for (const to of [topic, '$SYS/refused']) {
      client.send(
        publishPacket(to, 'x', { qos: 1, messageId: 20 }),
        publishPacket(to, 'x', { qos: 2, messageId: 21 }),
      );
      await client.next('puback');
      await client.next('pubrec');
    }
    client.send({ cmd: 'pubrel', messageId: 21 }, { cmd: 'pubrel', messageId: 500 });
    await client.next('pubcomp');
    await client.next('pubcomp');
    client.send({ cmd: 'unsubscribe', messageId: 22, unsubscriptions: [topic, 'never'] });
    await client.next('unsuback');
    client.send({ cmd: 'pubrec', messageId: 600 });
    await client.next('pubrel');
    client.write([0x30, 0]);
    await client.closed;
    const kinds = [
      'connack',
      'puback',
      'pubrec',
      'pubrel',
      'pubcomp',
      'suback',
      'unsuback',
      'publish',
      'disconnect',
    ];
    expect([...new Set(client.packets.map(({ cmd }) => cmd))].sort()).toEqual(kinds.sort());
    for (const bytes of client.frames) expect(bytes.length).toBeLessThanOrEqual(maximumPacketSize);
  });

  test('skips a message that would be larger, as if it had been delivered [5.0 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-25]', async () => {
    const topic = unique('t');
    const session = {
      clientId: unique('c'),
      clean: false,
      properties: { maximumPacketSize, sessionExpiryInterval: 60 },
    };
    const client = await server.current.connect(5, session);
    await client.subscribe(topic, 2);
    const publisher = await server.current.connect(5);
    for (const qos of [0, 1, 2] as const)
      await publisher.publish(topic, 'x'.repeat(100), { qos, retain: qos === 1 });
    await publisher.publish(topic, 'small', { qos: 1 });
    expect(await client.payloadsUntil('small')).toEqual(['small']);
    await client.disconnect();
    // The session does not keep it for a connection that accepts larger packets.
    const again = await server.current.connect(5, { ...session, properties: { sessionExpiryInterval: 60 } });
    await publisher.publish(topic, 'last', { qos: 1 });
    expect(await again.payloadsUntil('last')).toEqual(['last']);
  });
});

test.each(levels)(
  'at protocol level %i, the server closes the connection for a packet above its own Maximum Packet Size [3.1.1 MQTT-4.8.0-1] [5.0 MQTT-4.13.1-1]',
  async (level) => {
    const client = await server.current.connect(level, persistent(level));
    const maximum = client.connack.properties?.maximumPacketSize ?? 256 * 1024;
    client.write([0x30, ...variable(maximum + 1)]);
    await client.closed;
    if (level === 5) expect(client.received('disconnect')).toMatchObject([{ reasonCode: 0x95 }]);
  },
);
