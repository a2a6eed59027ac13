import { levels, publishPacket } from './support/client.ts';
import { persistent, unique, useServer } from './support/server.ts';

const server = useServer();

/** Reason codes that the tables of MQTT 5.0 list. */
const pubackReasonCodes = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const pubrelReasonCodes = [0x00, 0x92];

/** Fills the queue of an absent session on the topic up to a bound at which messages are refused. */
async function fillQueue(topic: string): Promise<void> {
  await server.current.changeSettings({ queueFull: 'refuse', queuedMessagesMax: 2 });
  const absent = await server.current.connect(5, persistent(5));
  await absent.subscribe(topic, 2);
  await absent.disconnect();
  const publisher = await server.current.connect(5);
  for (const payload of ['1', '2']) await publisher.publish(topic, payload, { qos: 1 });
}

describe.each([1, 2] as const)('the server that has no room for a QoS %i message', (qos) => {
  test('disconnects an MQTT 3.1.1 client without acknowledging the message, and no other client [3.1.1 MQTT-4.8.0-2] [3.1.1 MQTT-3.3.5-2]', async () => {
    const topic = unique('full');
    await fillQueue(topic);
    const [client, other] = [await server.current.connect(4), await server.current.connect(4)];
    client.send(publishPacket(topic, '3', { qos, messageId: 1 }));
    await client.closed;
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
    await other.publish(`${topic}/other`, 'x', { qos: 1 });
  });

  test('answers an MQTT 5.0 client by 0x97 and keeps it connected [5.0 MQTT-3.4.2-1] [5.0 MQTT-3.5.2-1]', async () => {
    const topic = unique('full');
    await fillQueue(topic);
    const client = await server.current.connect(5);
    client.send(publishPacket(topic, '3', { qos, messageId: 1 }));
    expect((await client.next(qos === 1 ? 'puback' : 'pubrec')).reasonCode).toBe(0x97);
    await client.publish(`${topic}/other`, 'x', { qos });
  });
});

test('the server uses only listed reason codes in PUBACK, PUBREC, PUBREL and PUBCOMP [5.0 MQTT-3.4.2-1] [5.0 MQTT-3.5.2-1] [5.0 MQTT-3.6.2-1] [5.0 MQTT-3.7.2-1]', async () => {
  const topic = unique('codes');
  const client = await server.current.connect(5, { manual: true });
  await client.subscribe(topic, 2);
  const topics = [topic, `${topic}/nobody`, '$SYS/x', '$bridge/raft', '/'.repeat(200), '$cluster/admin/x'];
  for (const [index, to] of topics.entries()) {
    client.send(
      publishPacket(to, 'x', { qos: 1, messageId: 10 + index }),
      publishPacket(to, 'x', { qos: 2, messageId: 20 + index }),
    );
    expect(pubackReasonCodes).toContain((await client.next('puback')).reasonCode ?? 0);
    expect(pubackReasonCodes).toContain((await client.next('pubrec')).reasonCode ?? 0);
  }
  client.send({ cmd: 'pubrel', messageId: 20 }, { cmd: 'pubrel', messageId: 999 });
  for (let count = 0; count < 2; count++) {
    expect(pubrelReasonCodes).toContain((await client.next('pubcomp')).reasonCode ?? 0);
  }
  await client.next('publish');
  const { messageId = 0 } = await client.next('publish');
  client.send({ cmd: 'pubrec', messageId }, { cmd: 'pubrec', messageId: 998 });
  for (let count = 0; count < 2; count++) {
    expect(pubrelReasonCodes).toContain((await client.next('pubrel')).reasonCode ?? 0);
  }
});

test.each(levels)(
  'at protocol level %i, the server answers SUBSCRIBE by a failure code where it refuses a filter, and keeps the client [3.1.1 MQTT-3.8.4-5] [3.1.1 MQTT-3.9.3-2] [5.0 MQTT-3.9.3-2]',
  async (level) => {
    const client = await server.current.connect(level);
    expect(await client.subscribe('$bridge/#', 1)).toEqual([level === 5 ? 0x87 : 0x80]);
    await client.settle();
  },
);
