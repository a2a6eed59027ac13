import { connect, connectPacket, open, startBroker } from './support/driver.ts';
import type { BrokerTarget } from './support/driver.ts';

let target: BrokerTarget;
beforeEach(async () => {
  target = await startBroker();
});
afterEach(() => target.stop());

/** Encodes a packet with this first byte and a body of less than 128 bytes. */
function frame(first: number, ...body: (number | string | readonly number[])[]): number[] {
  const bytes = body.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : part));
  return [first, bytes.length, ...bytes];
}

function text(value: string | readonly number[]): number[] {
  const bytes = typeof value === 'string' ? [...Buffer.from(value)] : [...value];
  return [bytes.length >> 8, bytes.length & 255, ...bytes];
}

const surrogate = [0xed, 0xa0, 0x80];
const illFormed = [0x61, 0xff];
const nul = [0x61, 0x00];

function connectFrame(flags: number, ...payload: (readonly number[])[]): number[] {
  return frame(0x10, text('MQTT'), 4, flags, 0, 0, payload.flat());
}

describe('the broker, for a connecting client,', () => {
  test.each<[string, number[]]>([
    ['the reserved flag [3.1.1 MQTT-3.1.2-3]', connectFrame(0x03, text('c'))],
    ['will QoS 3 [3.1.1 MQTT-3.1.2-14]', connectFrame(0x1e, text('c'), text('w'), text('x'))],
    ['will QoS but no will [3.1.1 MQTT-3.1.2-13]', connectFrame(0x0a, text('c'))],
    ['will retain but no will [3.1.1 MQTT-3.1.2-15]', connectFrame(0x22, text('c'))],
    ['an empty will topic', connectFrame(0x06, text('c'), text(''), text('x'))],
    ['a wildcard in the will topic', connectFrame(0x06, text('c'), text('a/#'), text('x'))],
    ['a password but no user name [3.1.1 MQTT-3.1.2-22]', connectFrame(0x42, text('c'), text('secret'))],
    ['bytes after the last field', connectFrame(0x02, text('c'), [1])],
    ['a truncated client identifier', connectFrame(0x02, [0, 9, 0x63])],
    ['ill-formed UTF-8 in the client identifier [3.1.1 MQTT-1.5.3-1]', connectFrame(0x02, text(illFormed))],
    ['a surrogate in the client identifier [3.1.1 MQTT-1.5.3-1]', connectFrame(0x02, text(surrogate))],
    ['U+0000 in the client identifier [3.1.1 MQTT-1.5.3-2]', connectFrame(0x02, text(nul))],
    ['reserved flags in the fixed header', [0x11, ...connectFrame(0x02, text('c')).slice(1)]],
    ['another packet before CONNECT [3.1.1 MQTT-3.1.0-1] [5.0 MQTT-3.1.0-1]', [0xc0, 0]],
    ['a remaining length of five bytes', [0x10, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ])('closes the connection without CONNACK, for a CONNECT with %s', async (_name, bytes) => {
    const client = open(target);
    client.sendBytes(bytes);
    await client.closed;
    expect(client.packets).toEqual([]);
    expect(target.port.inputKinds).not.toContain('connect');
  });

  test('rejects an unknown protocol level with return code 1 [3.1.1 MQTT-3.1.2-2]', async () => {
    const client = open(target);
    client.sendBytes(frame(0x10, text('MQTT'), 2, 2, 0, 0, text('c')));
    await expect(client.next('connack')).resolves.toMatchObject({ returnCode: 1 });
    await client.closed;
  });

  test('rejects a protocol level above 5 with reason code 0x84 [5.0 MQTT-3.1.2-2]', async () => {
    const client = open(target, 5);
    client.sendBytes(frame(0x10, text('MQTT'), 6, 2, 0, 0, text('c')));
    await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x84 });
    await client.closed;
  });

  test('rejects an empty client identifier with clean session 0 by return code 2 [3.1.1 MQTT-3.1.3-8]', async () => {
    const client = open(target);
    client.send(connectPacket('', { clean: true }));
    await expect(client.next('connack')).resolves.toMatchObject({ returnCode: 0 });
    const persistent = open(target);
    persistent.sendBytes(connectFrame(0x00, text('')));
    await expect(persistent.next('connack')).resolves.toMatchObject({ returnCode: 2 });
    await persistent.closed;
  });

  test('returns in CONNACK the client identifier that it assigned [5.0 MQTT-3.1.3-7]', async () => {
    const client = open(target, 5);
    client.send(connectPacket('', { protocolVersion: 5, clean: true }));
    const { properties } = await client.next('connack');
    expect(properties?.assignedClientIdentifier).toBe(target.port.requests[0]?.client);
    expect(properties?.assignedClientIdentifier).not.toBe('');
  });

  test('closes the connection for a second CONNECT [3.1.1 MQTT-3.1.0-2]', async () => {
    const client = await connect(target, 'c');
    client.send(connectPacket('c'));
    await client.closed;
    expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
  });

  test('rejects a client identifier of 257 bytes', async () => {
    const client = open(target, 5);
    client.send(connectPacket('c'.repeat(257), { protocolVersion: 5 }));
    await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x85 });
  });

  test.each(['$link/plant', '$link/plant/in', '$api/m1/x'])(
    'rejects %s, a client identifier of a session that only members open',
    async (id) => {
      const client = open(target, 5);
      client.send(connectPacket(id, { protocolVersion: 5 }));
      await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x85 });
      const former = open(target);
      former.send(connectPacket(id));
      await expect(former.next('connack')).resolves.toMatchObject({ returnCode: 2 });
      expect(target.port.requests).toEqual([]);
    },
  );

  test.each([
    ['Receive Maximum 0', [33, 0, 0], 0x82],
    ['Maximum Packet Size 0', [39, 0, 0, 0, 0], 0x82],
    ['a repeated property', [33, 0, 1, 33, 0, 1], 0x82],
    ['a property that only PUBLISH may have', [35, 0, 1], 0x81],
    ['an unknown property', [120, 0], 0x81],
    ['a flag that is neither 0 nor 1', [23, 2], 0x82],
    ['an authentication method', [21, ...text('SCRAM')], 0x8c],
    ['authentication data without a method', [22, ...text('x')], 0x82],
  ])('rejects an MQTT 5 CONNECT that has %s [5.0 MQTT-3.1.4-1]', async (_name, properties, reasonCode) => {
    const client = open(target, 5);
    client.sendBytes(frame(0x10, text('MQTT'), 5, 2, 0, 0, properties.length, properties, text('c')));
    await expect(client.next('connack')).resolves.toMatchObject({ reasonCode });
    await client.closed;
  });
});

describe('the broker, for a connected client,', () => {
  test.each<[string, number[]]>([
    ['PUBLISH with QoS 3 [3.1.1 MQTT-3.3.1-4]', frame(0x36, text('a'), 0, 1)],
    ['PUBLISH with DUP and QoS 0 [3.1.1 MQTT-3.3.1-2]', frame(0x38, text('a'))],
    ['PUBLISH with packet identifier 0 [3.1.1 MQTT-2.3.1-1]', frame(0x32, text('a'), 0, 0)],
    ['an empty topic [3.1.1 MQTT-4.7.3-1]', frame(0x30, text(''))],
    ['+ in a topic [3.1.1 MQTT-3.3.2-2]', frame(0x30, text('a/+'))],
    ['# in a topic [3.1.1 MQTT-3.3.2-2]', frame(0x30, text('a/#'))],
    ['ill-formed UTF-8 in a topic [3.1.1 MQTT-1.5.3-1]', frame(0x30, text(illFormed))],
    ['a surrogate in a topic [3.1.1 MQTT-1.5.3-1]', frame(0x30, text(surrogate))],
    ['U+0000 in a topic [3.1.1 MQTT-1.5.3-2]', frame(0x30, text(nul))],
    ['PUBLISH to $SYS', frame(0x30, text('$SYS/broker/version'))],
    ['PUBLISH to a $bridge/ topic, which only members use', frame(0x30, text('$bridge/raft'))],
    ['more than 100 topic levels', [0x30, ...variable(203), ...text('/'.repeat(201))]],
    ['PUBACK of three bytes', frame(0x40, 0, 1, 0)],
    ['PUBACK of one byte', frame(0x40, 1)],
    ['PUBACK with packet identifier 0', frame(0x40, 0, 0)],
    ['reserved flags in PUBACK', frame(0x42, 0, 1)],
    ['reserved flags in PUBREL [3.1.1 MQTT-3.6.1-1]', frame(0x60, 0, 1)],
    ['reserved flags in SUBSCRIBE [3.1.1 MQTT-3.8.1-1]', frame(0x80, 0, 1, text('a'), 0)],
    ['SUBSCRIBE without a filter [3.1.1 MQTT-3.8.3-3]', frame(0x82, 0, 1)],
    ['SUBSCRIBE with QoS 3 [3.1.1 MQTT-3.8.3-4]', frame(0x82, 0, 1, text('a'), 3)],
    ['SUBSCRIBE with packet identifier 0', frame(0x82, 0, 0, text('a'), 0)],
    ['SUBSCRIBE without the options byte', frame(0x82, 0, 1, text('a'))],
    ['the filter a# [3.1.1 MQTT-4.7.1-2]', frame(0x82, 0, 1, text('a#'), 0)],
    ['the filter #/a [3.1.1 MQTT-4.7.1-2]', frame(0x82, 0, 1, text('#/a'), 0)],
    ['the filter a+/b [3.1.1 MQTT-4.7.1-3]', frame(0x82, 0, 1, text('a+/b'), 0)],
    ['an empty filter [3.1.1 MQTT-4.7.3-1]', frame(0x82, 0, 1, text(''), 0)],
    ['a shared subscription without a group', frame(0x82, 0, 1, text('$share//a'), 0)],
    ['a wildcard in a share group', frame(0x82, 0, 1, text('$share/+/a'), 0)],
    ['a shared subscription without a filter', frame(0x82, 0, 1, text('$share/g'), 0)],
    ['UNSUBSCRIBE without a filter [3.1.1 MQTT-3.10.3-2]', frame(0xa2, 0, 1)],
    ['PINGREQ with a body', frame(0xc0, 0)],
    ['reserved flags in PINGREQ', [0xc1, 0]],
    ['DISCONNECT with a body', frame(0xe0, 0)],
    ['reserved flags in DISCONNECT [3.1.1 MQTT-3.14.1-1]', [0xe1, 0]],
    ['PINGRESP, a packet of servers', frame(0xd0)],
    ['packet type 0', frame(0x00)],
    ['AUTH', frame(0xf0)],
  ])('closes the connection for %s', async (_name, bytes) => {
    const client = await connect(target, 'c');
    client.sendBytes(bytes);
    await client.closed;
    expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
    expect(
      target.port.inputKinds.filter((call) => !['connect', 'disconnect', 'publishLocal'].includes(call)),
    ).toEqual([]);
  });

  test.each<[string, number[], number]>([
    ['PUBLISH with QoS 3', frame(0x36, text('a'), 0, 1, 0), 0x81],
    ['a padded remaining length', [0x30, 0x84, 0x00, ...text('a'), 0], 0x81],
    ['a topic alias above the maximum', frame(0x30, text('a'), 3, 35, 0, 200), 0x94],
    ['topic alias 0', frame(0x30, text('a'), 3, 35, 0, 0), 0x94],
    ['a topic alias without a topic', frame(0x30, text(''), 3, 35, 0, 1), 0x82],
    ['PUBLISH with neither topic nor alias', frame(0x30, text(''), 0), 0x82],
    ['a subscription identifier in PUBLISH', frame(0x30, text('a'), 2, 11, 1), 0x82],
    ['a wildcard in the response topic', frame(0x30, text('a'), 6, 8, text('b/#')), 0x82],
    ['No Local on a shared subscription', frame(0x82, 0, 1, 0, text('$share/g/a'), 4), 0x82],
    ['retain handling 3', frame(0x82, 0, 1, 0, text('a'), 0x30), 0x82],
    ['reserved bits of subscription options', frame(0x82, 0, 1, 0, text('a'), 0xc0), 0x81],
    ['subscription identifier 0', frame(0x82, 0, 1, 2, 11, 0, text('a'), 0), 0x82],
    ['properties that are longer than the packet', frame(0x30, text('a'), 100), 0x81],
    ['AUTH without enhanced authentication', frame(0xf0), 0x82],
    ['the filter a#', frame(0x82, 0, 1, 0, text('a#'), 0), 0x81],
    [
      'DISCONNECT with a session expiry interval although CONNECT had none',
      frame(0xe0, 0, 5, 17, 0, 0, 0, 9),
      0x82,
    ],
  ])(
    'disconnects an MQTT 5 client with a reason code for %s [5.0 MQTT-4.13.1-1]',
    async (_name, bytes, reasonCode) => {
      const client = await connect(target, 'c', { protocolVersion: 5 });
      client.sendBytes(bytes);
      await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode });
      await client.closed;
    },
  );

  test('closes the connection before the body arrives, for a packet that declares a too large remaining length', async () => {
    const client = await connect(target, 'c', { protocolVersion: 5 });
    client.sendBytes([0x30, ...variable(300_000)]);
    await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x95 });
    const old = await connect(target, 'old');
    old.sendBytes([0x30, ...variable(300_000)]);
    await old.closed;
  });

  test('accepts packets that arrive byte by byte', async () => {
    const client = await connect(target, 'c');
    const bytes = [
      ...frame(0x82, 0, 5, text('a/b'), 0),
      ...frame(0x30, text('a/b'), 'one'),
      ...frame(0x30, text('a/b'), 'two'),
    ];
    for (const byte of bytes) client.sendBytes([byte]);
    await client.next('suback');
    await client.next('publish');
    await client.next('publish');
    expect(client.publishes.map(({ payload }) => payload.toString())).toEqual(['one', 'two']);
  });

  test('accepts a padded remaining length from an MQTT 3.1.1 client', async () => {
    const client = await connect(target, 'c');
    await client.subscribe(1, 'a', 0);
    client.sendBytes([0x30, 0x84, 0x00, ...text('a'), 0x78]);
    await expect(client.next('publish')).resolves.toMatchObject({ topic: 'a' });
  });

  test('accepts property names of Object.prototype as client identifiers and topics', async () => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty'];
    for (const name of names) {
      const client = await connect(target, name);
      await client.subscribe(1, name, 1);
      client.publish(name, 'x', { qos: 1, messageId: 1 });
      await client.next('puback');
      await expect(client.next('publish')).resolves.toMatchObject({ topic: name });
    }
    expect(target.broker.clientsConnected).toBe(names.length);
  });
});

function variable(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const rest = Math.floor(value / 128);
    bytes.push((value & 127) | (rest > 0 ? 128 : 0));
    if (rest === 0) return bytes;
    value = rest;
  }
}
