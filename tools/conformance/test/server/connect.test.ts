import { connectFrame, frame, noProperties, nulString, text, wrongStrings } from './support/bytes.ts';
import { connectPacket, levels, publishPacket } from './support/client.ts';
import type { Level } from './support/client.ts';
import { expectRefused, flags, willFields } from './support/connect.ts';
import { unique, useServer } from './support/server.ts';

const server = useServer();

describe.each(levels)('at protocol level %i, the server', (level) => {
  test('closes a connection whose first packet is not CONNECT [3.1.1 MQTT-3.1.0-1] [5.0 MQTT-3.1.0-1]', async () => {
    const topic = unique('first');
    const observer = await server.current.connect(level);
    await observer.subscribe(topic, 0);
    for (const bytes of [frame(0x30, text(topic), noProperties(level), 'no'), frame(0xc0), frame(0xe0)]) {
      const client = await server.current.open(level);
      client.write(bytes);
      await client.closed;
      expect(client.packets).toEqual([]);
    }
    await observer.publish(topic, 'yes');
    expect(await observer.payloadsUntil('yes')).toEqual(['yes']);
  });

  test('closes the connection for a second CONNECT, and publishes the will [3.1.1 MQTT-3.1.0-2] [5.0 MQTT-3.1.0-2] [3.1.1 MQTT-4.8.0-1] [5.0 MQTT-4.13.1-1] [5.0 MQTT-3.2.0-2]', async () => {
    const topic = unique('second');
    const observer = await server.current.connect(level);
    await observer.subscribe(topic, 1);
    const clientId = unique('c');
    const client = await server.current.connect(level, {
      clientId,
      will: { topic, payload: Buffer.from('died'), qos: 1, retain: false },
    });
    client.send(connectPacket(level, { clientId }));
    await client.closed;
    expect(client.received('connack')).toHaveLength(1);
    if (level === 5) expect(client.received('disconnect')).toMatchObject([{ reasonCode: 0x82 }]);
    expect(await observer.payloadsUntil('died')).toEqual(['died']);
  });

  test('closes the connection without CONNACK or with a refusal, for a CONNECT with the reserved flag [3.1.1 MQTT-3.1.2-3] [5.0 MQTT-3.1.2-3]', async () => {
    await expectRefused(server.current, level, connectFrame(level, flags.clean | 1, text('c')));
  });

  test.each<[string, number, (level: Level) => number[][]]>([
    [
      'a will without a topic [3.1.1 MQTT-3.1.2-9] [5.0 MQTT-3.1.2-9]',
      flags.will,
      (of) => [text('c'), noProperties(of)],
    ],
    [
      'a will without a payload [3.1.1 MQTT-3.1.2-9] [5.0 MQTT-3.1.2-9]',
      flags.will,
      (of) => [text('c'), noProperties(of), text('w')],
    ],
    ['will fields but no Will Flag [3.1.1 MQTT-3.1.2-11]', 0, (of) => [text('c'), willFields(of)]],
    [
      'will QoS 1 but no Will Flag [3.1.1 MQTT-3.1.2-11] [3.1.1 MQTT-3.1.2-13] [5.0 MQTT-3.1.2-11]',
      flags.willQos1,
      () => [text('c')],
    ],
    [
      'will QoS 2 but no Will Flag [3.1.1 MQTT-3.1.2-13] [5.0 MQTT-3.1.2-11]',
      flags.willQos2,
      () => [text('c')],
    ],
    [
      'will QoS 3 [3.1.1 MQTT-3.1.2-14] [5.0 MQTT-3.1.2-12]',
      flags.will | flags.willQos1 | flags.willQos2,
      (of) => [text('c'), willFields(of)],
    ],
    [
      'Will Retain but no Will Flag [3.1.1 MQTT-3.1.2-11] [3.1.1 MQTT-3.1.2-15] [5.0 MQTT-3.1.2-13]',
      flags.willRetain,
      () => [text('c')],
    ],
    [
      'a user name but no flag for it [3.1.1 MQTT-3.1.2-18] [5.0 MQTT-3.1.2-16]',
      0,
      () => [text('c'), text('user')],
    ],
    [
      'the User Name Flag but no user name [3.1.1 MQTT-3.1.2-19] [5.0 MQTT-3.1.2-17]',
      flags.user,
      () => [text('c')],
    ],
    [
      'a password but no flag for it [3.1.1 MQTT-3.1.2-20] [5.0 MQTT-3.1.2-18]',
      flags.user,
      () => [text('c'), text('user'), text('secret')],
    ],
    [
      'the Password Flag but no password [3.1.1 MQTT-3.1.2-21] [5.0 MQTT-3.1.2-19]',
      flags.user | flags.password,
      () => [text('c'), text('user')],
    ],
    ['no client id [3.1.1 MQTT-3.1.3-3] [5.0 MQTT-3.1.3-3]', 0, () => []],
    ['a truncated client id', 0, () => [[0, 9, 0x63]]],
  ])(
    'refuses a CONNECT with %s [3.1.1 MQTT-3.1.4-1] [5.0 MQTT-3.1.4-1] [3.1.1 MQTT-3.2.2-6]',
    async (_name, connectFlags, payload) => {
      await expectRefused(
        server.current,
        level,
        connectFrame(level, flags.clean | connectFlags, ...payload(level)),
      );
    },
  );

  test.each<[string, (level: Level, bytes: readonly number[]) => number[]]>([
    [
      'client id [3.1.1 MQTT-3.1.3-4] [5.0 MQTT-3.1.3-4]',
      (of, bytes) => connectFrame(of, flags.clean, text(bytes)),
    ],
    [
      'will topic [3.1.1 MQTT-3.1.3-10] [5.0 MQTT-3.1.3-11]',
      (of, bytes) => connectFrame(of, flags.clean | flags.will, text('c'), willFields(of, bytes)),
    ],
    [
      'user name [3.1.1 MQTT-3.1.3-11] [5.0 MQTT-3.1.3-12]',
      (of, bytes) => connectFrame(of, flags.clean | flags.user, text('c'), text(bytes)),
    ],
  ])(
    'refuses a CONNECT whose %s is no UTF-8 string [3.1.1 MQTT-1.5.3-1] [5.0 MQTT-1.5.4-1]',
    async (_name, encode) => {
      for (const [, bytes] of wrongStrings) await expectRefused(server.current, level, encode(level, bytes));
      await expectRefused(server.current, level, encode(level, nulString));
    },
  );

  test('reads client id, will topic, will payload, user name and password in this order [3.1.1 MQTT-3.1.3-1] [5.0 MQTT-3.1.3-1] [3.1.1 MQTT-3.1.3-3] [5.0 MQTT-3.1.3-3] [3.1.1 MQTT-3.1.2-9] [5.0 MQTT-3.1.2-9]', async () => {
    const topic = unique('order');
    const clientId = unique('order-client');
    const observer = await server.current.connect(level);
    await observer.subscribe(topic, 1);
    const client = await server.current.open(level);
    const all = flags.clean | flags.will | flags.willQos1 | flags.user | flags.password;
    client.write(
      connectFrame(
        level,
        all,
        text(clientId),
        willFields(level, topic, 'payload'),
        text('user'),
        text('secret'),
      ),
    );
    await client.next('connack');
    // The client id is the first field: a client with this id takes the connection over.
    client.drop();
    const message = await observer.next('publish');
    expect([message.topic, message.payload.toString(), message.qos]).toEqual([topic, 'payload', 1]);
  });

  test('accepts client ids of 1 to 23 letters and digits [3.1.1 MQTT-3.1.3-5] [5.0 MQTT-3.1.3-5] [3.1.1 MQTT-3.1.4-4] [5.0 MQTT-3.1.4-5]', async () => {
    const characters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
    const ids = ['0', 'Z', ...(characters.match(/.{1,23}/g) ?? [])];
    for (const clientId of ids) {
      const client = await server.current.connect(level, { clientId });
      expect(client.connack.reasonCode ?? client.connack.returnCode).toBe(0);
      await client.disconnect();
    }
  });

  test('assigns different client ids to clients without one [3.1.1 MQTT-3.1.3-6] [5.0 MQTT-3.1.3-6]', async () => {
    const topic = unique('assigned');
    const clients = [
      await server.current.connect(level, { clientId: '' }),
      await server.current.connect(level, { clientId: '' }),
    ];
    for (const client of clients) await client.subscribe(topic, 1);
    await clients[0]!.publish(topic, 'both', { qos: 1 });
    for (const client of clients) expect(await client.payloadsUntil('both')).toEqual(['both']);
  });

  test('refuses a client id of more than 256 bytes, and closes the connection [3.1.1 MQTT-3.1.3-9] [5.0 MQTT-3.1.3-8] [5.0 MQTT-3.1.4-2] [3.1.1 MQTT-3.2.2-4] [3.1.1 MQTT-3.2.2-5] [5.0 MQTT-3.2.2-6] [5.0 MQTT-3.2.2-7] [5.0 MQTT-4.13.2-1]', async () => {
    const client = await server.current.open(level);
    client.send(connectPacket(level, { clientId: 'c'.repeat(257) }));
    const connack = await client.next('connack');
    expect(connack.sessionPresent).toBe(false);
    expect(level === 5 ? connack.reasonCode : connack.returnCode).toBe(level === 5 ? 0x85 : 2);
    await client.closed;
  });

  test('handles nothing that follows a refused CONNECT [3.1.1 MQTT-3.1.4-5] [5.0 MQTT-3.1.4-6]', async () => {
    const topic = unique('after');
    const observer = await server.current.connect(level);
    await observer.subscribe(topic, 1);
    const client = await server.current.open(level);
    client.send(
      connectPacket(level, { clientId: 'c'.repeat(257) }),
      publishPacket(topic, 'refused', { qos: 1, messageId: 1, retain: true }),
      { cmd: 'subscribe', messageId: 2, subscriptions: [{ topic, qos: 0 }] },
    );
    await client.closed;
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
    await observer.publish(topic, 'accepted', { qos: 1 });
    expect(await observer.payloadsUntil('accepted')).toEqual(['accepted']);
  });

  test('sends CONNACK before any other packet, and only once [3.1.1 MQTT-3.2.0-1] [5.0 MQTT-3.2.0-1] [5.0 MQTT-3.2.0-2]', async () => {
    const topic = unique('before');
    const clientId = unique('c');
    const session = {
      clientId,
      clean: false,
      ...(level === 5 && { properties: { sessionExpiryInterval: 60 } }),
    };
    const first = await server.current.connect(level, session);
    await first.subscribe(topic, 1);
    await first.disconnect();
    const publisher = await server.current.connect(level);
    for (const payload of ['1', '2', '3']) await publisher.publish(topic, payload, { qos: 1 });
    const again = await server.current.open(level);
    again.send(connectPacket(level, session), { cmd: 'pingreq' });
    await again.payloadsUntil('3');
    await again.next('pingresp');
    expect(again.packets[0]).toMatchObject({ cmd: 'connack', sessionPresent: true });
    expect(again.received('connack')).toHaveLength(1);
  });

  test('writes CONNACK with reserved bits 0 [5.0 MQTT-3.2.2-1] [3.1.1 MQTT-3.1.4-4] [5.0 MQTT-3.1.4-5]', async () => {
    const client = await server.current.connect(level);
    const bytes = [...client.frames[0]!];
    if (level === 4) expect(bytes).toEqual([0x20, 2, 0, 0]);
    else expect([bytes[0], bytes[2], bytes[3]]).toEqual([0x20, 0, 0]);
  });
});
