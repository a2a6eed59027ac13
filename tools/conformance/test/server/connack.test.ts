import { until } from '@mqtt-cluster/testing';
import { connectFrame, frame, text } from './support/bytes.ts';
import { levels } from './support/client.ts';
import { expectRefused, flags, willFields } from './support/connect.ts';
import { unique, useServer } from './support/server.ts';

const server = useServer();

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
    await expectRefused(
      server.current,
      4,
      connectFrame(4, flags.clean | flags.password, text('c'), text('secret')),
    );
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
      connectFrame(5, 6, text('c'), willFields(5, '$SYS/x')),
      connectFrame(5, 6, text('c'), willFields(5, 'a/+')),
    ];
    for (const bytes of connects) {
      const client = await expectRefused(server.current, 5, bytes);
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
  await until(async () => {
    await pinging.settle();
    return clients.every(({ isClosed }) => isClosed);
  });
  await observer.payloadsUntil('silent 4');
  await observer.payloadsUntil('silent 5');
  await pinging.settle();
  await unlimited.settle();
});
