import { connectFrame, frame, noProperties, nulString, text, wrongStrings } from './support/bytes.ts';
import { connectPacket, levels, publishPacket } from './support/client.ts';
import type { Client, Level } from './support/client.ts';
import { unique, useServer } from './support/server.ts';

const server = useServer();

const flags = {
  clean: 0x02,
  will: 0x04,
  willQos1: 0x08,
  willQos2: 0x10,
  willRetain: 0x20,
  password: 0x40,
  user: 0x80,
};

/** Reason codes of CONNACK in the table of MQTT 5.0. */
const connackReasonCodes = [
  0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a,
  0x9b, 0x9c, 0x9d, 0x9f,
];

/** Sends the bytes as the first ones of a connection, and returns the client after the server has closed it. */
async function refused(level: Level, ...bytes: (readonly number[])[]): Promise<Client> {
  const client = await server.current.open(level);
  client.write(...bytes);
  await client.closed;
  expect(client.packets.length).toBeLessThanOrEqual(level === 5 ? 1 : 0);
  for (const connack of client.received('connack')) {
    expect(connack.reasonCode).toBeGreaterThanOrEqual(0x80);
    expect(connackReasonCodes).toContain(connack.reasonCode);
    expect(connack.sessionPresent).toBe(false);
  }
  return client;
}

/** Will properties, will topic and will payload. */
function will(level: Level, topic: string | readonly number[] = 'w', payload = 'p'): number[] {
  return [...noProperties(level), ...text(topic), ...text(payload)];
}

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
    await refused(level, connectFrame(level, flags.clean | 1, text('c')));
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
    ['will fields but no Will Flag [3.1.1 MQTT-3.1.2-11]', 0, (of) => [text('c'), will(of)]],
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
      (of) => [text('c'), will(of)],
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
      await refused(level, connectFrame(level, flags.clean | connectFlags, ...payload(level)));
    },
  );

  test.each<[string, (level: Level, bytes: readonly number[]) => number[]]>([
    [
      'client id [3.1.1 MQTT-3.1.3-4] [5.0 MQTT-3.1.3-4]',
      (of, bytes) => connectFrame(of, flags.clean, text(bytes)),
    ],
    [
      'will topic [3.1.1 MQTT-3.1.3-10] [5.0 MQTT-3.1.3-11]',
      (of, bytes) => connectFrame(of, flags.clean | flags.will, text('c'), will(of, bytes)),
    ],
    [
      'user name [3.1.1 MQTT-3.1.3-11] [5.0 MQTT-3.1.3-12]',
      (of, bytes) => connectFrame(of, flags.clean | flags.user, text('c'), text(bytes)),
    ],
  ])(
    'refuses a CONNECT whose %s is no UTF-8 string [3.1.1 MQTT-1.5.3-1] [5.0 MQTT-1.5.4-1]',
    async (_name, encode) => {
      for (const [, bytes] of wrongStrings) await refused(level, encode(level, bytes));
      await refused(level, encode(level, nulString));
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
      connectFrame(level, all, text(clientId), will(level, topic, 'payload'), text('user'), text('secret')),
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

describe('the server, for MQTT 3.1.1,', () => {
  test.each([
    ['another protocol name [3.1.1 MQTT-3.1.2-1]', 'HTTP', 4],
    ['level 2 [3.1.1 MQTT-3.1.2-2]', 'MQTT', 2],
    ['level 0 [3.1.1 MQTT-3.1.2-2]', 'MQTT', 0],
  ])(
    'answers %s by return code 1 and closes the connection [3.1.1 MQTT-3.2.2-4] [3.1.1 MQTT-3.2.2-5]',
    async (_name, name, version) => {
      const client = await server.current.open(4);
      client.write(frame(0x10, text(name), version, 2, 0, 0, text('c')), frame(0xc0));
      await client.closed;
      expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 1, sessionPresent: false }]);
    },
  );

  test('refuses a password without a user name [3.1.1 MQTT-3.1.2-22]', async () => {
    await refused(4, connectFrame(4, flags.clean | flags.password, text('c'), text('secret')));
  });

  test('answers an empty client id with Clean Session 0 by return code 2 and closes the connection [3.1.1 MQTT-3.1.3-8] [3.1.1 MQTT-3.2.2-5]', async () => {
    const client = await server.current.open(4);
    client.write(connectFrame(4, 0, text('')));
    await client.closed;
    expect(client.packets).toMatchObject([{ cmd: 'connack', returnCode: 2, sessionPresent: false }]);
  });
});

describe('the server, for MQTT 5.0,', () => {
  test.each([
    ['another protocol name [5.0 MQTT-3.1.2-1]', 'HTTP', 5],
    ['version 6 [5.0 MQTT-3.1.2-2]', 'MQTT', 6],
    ['version 200 [5.0 MQTT-3.1.2-2]', 'MQTT', 200],
  ])(
    'answers %s by 0x84 and closes the connection [5.0 MQTT-3.2.2-7] [5.0 MQTT-3.2.2-8]',
    async (_name, name, version) => {
      const client = await server.current.open(5);
      client.write(frame(0x10, text(name), version, 2, 0, 0, 0, text('c')), frame(0xc0));
      await client.closed;
      expect(client.packets).toMatchObject([{ cmd: 'connack', reasonCode: 0x84, sessionPresent: false }]);
    },
  );

  test('accepts a password without a user name', async () => {
    const client = await server.current.open(5);
    client.write(connectFrame(5, flags.clean | flags.password, text(unique('c')), text('secret')));
    expect((await client.next('connack')).reasonCode).toBe(0);
  });

  test('names the client id that it assigns, which no other session has, and keeps the session under it [5.0 MQTT-3.1.3-7] [5.0 MQTT-3.2.2-16]', async () => {
    const properties = { sessionExpiryInterval: 60 };
    const one = await server.current.connect(5, { clientId: '', properties });
    const other = await server.current.connect(5, { clientId: '', properties });
    const assigned = one.connack.properties?.assignedClientIdentifier ?? '';
    expect(assigned).not.toBe('');
    expect(other.connack.properties?.assignedClientIdentifier).not.toBe(assigned);
    await one.disconnect();
    const again = await server.current.connect(5, { clientId: assigned, clean: false, properties });
    expect(again.connack).toMatchObject({ sessionPresent: true });
    expect(again.connack.properties?.assignedClientIdentifier).toBeUndefined();
  });

  test('accepts an empty client id with Clean Start 0 [5.0 MQTT-3.1.3-6] [5.0 MQTT-3.1.2-6]', async () => {
    const client = await server.current.open(5);
    client.write(connectFrame(5, 0, text('')));
    expect(await client.next('connack')).toMatchObject({ reasonCode: 0, sessionPresent: false });
  });

  test('sends no Response Information to a client that did not ask for it [5.0 MQTT-3.1.2-28]', async () => {
    for (const properties of [{}, { requestResponseInformation: false }]) {
      const client = await server.current.connect(5, { properties });
      expect(client.connack.properties?.responseInformation).toBeUndefined();
    }
  });

  test('uses only the listed reason codes in CONNACK, and Session Present 0 with a failure [5.0 MQTT-3.2.2-8] [5.0 MQTT-3.2.2-6] [5.0 MQTT-3.14.0-1]', async () => {
    const connects = [
      connectFrame(5, 3, text('c')),
      frame(0x10, text('MQTT'), 5, 2, 0, 0, [3, 33, 0, 0], text('c')),
      frame(0x10, text('MQTT'), 5, 2, 0, 0, [5, 39, 0, 0, 0, 0], text('c')),
      frame(0x10, text('MQTT'), 5, 2, 0, 0, [2, 120, 0], text('c')),
      frame(0x10, text('MQTT'), 5, 2, 0, 0, [8, 21, ...text('SCRAM')], text('c')),
      connectFrame(5, 2, text('x'.repeat(300))),
      connectFrame(5, 6, text('c'), will(5, '$SYS/x')),
      connectFrame(5, 6, text('c'), will(5, 'a/+')),
    ];
    for (const bytes of connects) {
      const client = await refused(5, bytes);
      expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
    }
  });
});

test('the server disconnects a client that is silent for one and a half Keep Alive intervals, and publishes its will [3.1.1 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-22] [5.0 MQTT-3.2.2-22]', async () => {
  const topic = unique('keep-alive');
  const observer = await server.current.connect(5);
  await observer.subscribe(topic, 1);
  const clients = await Promise.all(
    levels.map((level) =>
      server.current.connect(level, {
        keepalive: 1,
        will: { topic, payload: Buffer.from(`silent ${level}`), qos: 1, retain: false },
      }),
    ),
  );
  const [pinging, unlimited] = [
    await server.current.connect(4, { keepalive: 1 }),
    await server.current.connect(5, { keepalive: 0 }),
  ];
  for (const client of clients) expect(client.connack.properties?.serverKeepAlive).toBeUndefined();
  let ended = false;
  const closed = Promise.all(clients.map((client) => client.closed)).then(() => (ended = true));
  while (!ended) {
    await pinging.settle();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await closed;
  await observer.payloadsUntil('silent 4');
  await observer.payloadsUntil('silent 5');
  await pinging.settle();
  await unlimited.settle();
});
