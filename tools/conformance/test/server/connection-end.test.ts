import { frame, noProperties, text } from './support/bytes.ts';
import { connectPacket, levels, publishPacket } from './support/client.ts';
import { unique, useServer } from './support/server.ts';

const server = useServer();

/** Reason codes that the table of DISCONNECT in MQTT 5.0 lists for a server. */
const disconnectReasonCodes = [
  0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
  0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
];

describe.each(levels)('at protocol level %i, the server', (level) => {
  test('answers each PINGREQ by PINGRESP [3.1.1 MQTT-3.12.4-1] [5.0 MQTT-3.12.4-1]', async () => {
    const client = await server.current.connect(level);
    client.write(frame(0xc0), frame(0xc0), frame(0xc0));
    for (let count = 0; count < 3; count++) await client.next('pingresp');
    expect(client.frames.slice(1).map((bytes) => [...bytes])).toEqual([
      [0xd0, 0],
      [0xd0, 0],
      [0xd0, 0],
    ]);
  });

  test('closes the connection at DISCONNECT and handles nothing that follows it', async () => {
    const topic = unique('t');
    const observer = await server.current.connect(level);
    await observer.subscribe(topic, 1);
    const client = await server.current.connect(level);
    client.send(
      publishPacket(topic, 'before', { qos: 0 }),
      { cmd: 'disconnect' },
      publishPacket(topic, 'after', { qos: 0 }),
    );
    await client.closed;
    await observer.payloadsUntil('before');
    await observer.publish(topic, 'last', { qos: 1 });
    expect(await observer.payloadsUntil('last')).toEqual(['before', 'last']);
  });

  test.each<[string, readonly number[]]>([
    ['PINGRESP', frame(0xd0)],
    ['CONNACK', frame(0x20, 0, 0)],
    ['packet type 0', frame(0x00)],
    ['PINGREQ with a body', frame(0xc0, 1)],
    ['a remaining length of five bytes', [0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a PUBLISH that ends within its topic', frame(0x30, 0, 5, 'a')],
    ['PUBREC for a QoS 1 delivery', []],
  ])(
    'closes the connection for %s, and no other connection [3.1.1 MQTT-4.8.0-1] [5.0 MQTT-4.13.1-1] [5.0 MQTT-4.13.2-1] [5.0 MQTT-3.14.4-1] [5.0 MQTT-3.14.4-2]',
    async (_name, bytes) => {
      const topic = unique('t');
      const other = await server.current.connect(level);
      await other.subscribe(topic, 1);
      const client = await server.current.connect(level, { manual: true });
      await client.subscribe(topic, 1);
      await other.publish(topic, 'x', { qos: 1 });
      const { messageId = 0 } = await client.next('publish');
      client.write(bytes.length > 0 ? bytes : frame(0x50, messageId >> 8, messageId & 255));
      await client.closed;
      if (level === 5) {
        // DISCONNECT is the last packet of the server.
        expect(client.packets.at(-1)).toMatchObject({ cmd: 'disconnect' });
        expect(client.received('disconnect')[0]!.reasonCode).toBeGreaterThanOrEqual(0x80);
      }
      await other.publish(topic, 'still here', { qos: 1 });
      await other.payloadsUntil('still here');
    },
  );

  test('accepts packets that are cut at any byte, and several in one segment [3.1.1 MQTT-7.1.1-1] [5.0 MQTT-4.2.0-1] [3.1.1 MQTT-7.0.0-2]', async () => {
    const topic = unique('t');
    // Without acknowledgements of its own: they would get between the bytes.
    const client = await server.current.open(level, { manual: true });
    const clientId = unique('c');
    const bytes = [
      ...frame(0x10, text('MQTT'), level, 2, 0, 60, noProperties(level), text(clientId)),
      ...frame(0x82, 0, 1, noProperties(level), text(topic), 1),
      ...frame(0x32, text(topic), 0, 2, noProperties(level), 'one'),
      ...frame(0x30, text(topic), noProperties(level), 'two'),
    ];
    for (const byte of bytes) {
      client.write([byte]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.next('puback');
    await client.payloadsUntil('two');
    client.write(frame(0xc0));
    await client.next('pingresp');
    const all = await server.current.open(level);
    all.send(
      connectPacket(level, { clientId: unique('c') }),
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] },
      publishPacket(topic, 'three', { qos: 2, messageId: 2 }),
      { cmd: 'pubrel', messageId: 2 },
      { cmd: 'pingreq' },
    );
    for (const cmd of ['connack', 'suback', 'pubrec', 'pubcomp', 'pingresp'] as const) await all.next(cmd);
    await all.payloadsUntil('three');
    expect(all.packets.map(({ cmd }) => cmd).sort()).toEqual(
      ['connack', 'suback', 'pubrec', 'pubcomp', 'publish', 'pingresp'].sort(),
    );
  });
});

describe('the server, for MQTT 5.0,', () => {
  test('disconnects with a listed reason code and without a Session Expiry Interval [5.0 MQTT-3.14.2-1] [5.0 MQTT-3.14.2-2]', async () => {
    const clientId = unique('c');
    const causes = [
      frame(0x30),
      frame(0x36, text('a'), 0, 1, 0),
      frame(0x30, text('a'), [3, 35, 0, 0]),
      frame(0x82, 0, 1, 0, text('a#'), 0),
      frame(0x30, text('a/+'), 0),
      frame(0x82, 0, 1, 0),
      [0x30, 0xff, 0xff, 0xff, 0x7f],
      frame(0xe0, 0, [5, 17, 0, 0, 0, 9]),
    ];
    const clients = [];
    for (const bytes of causes) {
      const client = await server.current.connect(5);
      client.write(bytes);
      clients.push(client);
    }
    clients.push(await server.current.connect(5, { clientId }));
    await server.current.connect(5, { clientId });
    for (const client of clients) {
      await client.closed;
      const [disconnect, ...more] = client.received('disconnect');
      expect(more).toEqual([]);
      expect(disconnectReasonCodes).toContain(disconnect?.reasonCode);
      expect(disconnect?.properties?.sessionExpiryInterval).toBeUndefined();
    }
  });

  test('sends no DISCONNECT to a client that it has not accepted [5.0 MQTT-3.14.0-1]', async () => {
    const connects = [
      frame(0xc0),
      frame(0x10, text('MQTT'), 5, 3, 0, 0, 0, text('c')),
      frame(0x10, text('MQTT'), 5, 2, 0, 0, 0, text('x'.repeat(300))),
      frame(0x10, text('MQTT'), 5, 2, 0, 0, [3, 33, 0, 0], text('c')),
    ];
    for (const bytes of connects) {
      const client = await server.current.open(5);
      client.write(bytes);
      await client.closed;
      expect(client.received('disconnect')).toEqual([]);
    }
  });

  test('refuses an authentication method with 0x8C, sends no AUTH and closes the connection [5.0 MQTT-4.12.0-1] [5.0 MQTT-4.12.0-4] [5.0 MQTT-3.2.2-7]', async () => {
    const client = await server.current.open(5);
    client.send(
      connectPacket(5, { clientId: unique('c'), properties: { authenticationMethod: 'SCRAM-SHA-256' } }),
      { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'SCRAM-SHA-256' } },
    );
    await client.closed;
    expect(client.packets).toMatchObject([{ cmd: 'connack', reasonCode: 0x8c, sessionPresent: false }]);
  });

  test('sends neither AUTH nor an authentication method to a client without one, and disconnects it for AUTH [5.0 MQTT-4.12.0-6] [5.0 MQTT-4.12.1-2]', async () => {
    const client = await server.current.connect(5);
    expect(client.connack.properties?.authenticationMethod).toBeUndefined();
    client.write(frame(0xf0, 0x19, [8, 21, ...text('SCRAM')]));
    await client.closed;
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'disconnect']);
    expect(client.received('disconnect')).toMatchObject([{ reasonCode: 0x82 }]);
  });

  test('answers AUTH with reserved flags by 0x81 [5.0 MQTT-3.15.1-1] [5.0 MQTT-2.1.3-1]', async () => {
    const client = await server.current.connect(5);
    client.write(frame(0xf1));
    await client.closed;
    expect(client.received('disconnect')).toMatchObject([{ reasonCode: 0x81 }]);
  });
});
