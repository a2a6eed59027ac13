import { generate } from 'mqtt-packet';
import { authenticatorOf } from './support/access.ts';
import { connect, connectPacket, open, startBroker, startBrokerWithMember } from './support/driver.ts';
import type { BrokerTarget, RawClient, Target } from './support/driver.ts';
import { frame, properties, text, uint16, uint32 } from './support/packet-bytes.ts';

const five = { protocolVersion: 5 as const };

function record(client: RawClient): { readonly bytes: Buffer } {
  const received = { bytes: Buffer.alloc(0) };
  client.stream.on('data', (chunk: Buffer) => (received.bytes = Buffer.concat([received.bytes, chunk])));
  return received;
}

describe('with a real member', () => {
  let target: Target;
  beforeEach(async () => {
    target = await startBrokerWithMember();
  });
  afterEach(() => target.stop());

  test('Session Present is 1 exactly if a session is continued [3.1.1 MQTT-3.2.2-1] [3.1.1 MQTT-3.2.2-3] [5.0 MQTT-3.1.2-6] [5.0 MQTT-3.1.2-23] [5.0 MQTT-3.2.2-2] [5.0 MQTT-3.2.2-3] [5.0 MQTT-3.1.4-4] [5.0 MQTT-3.1.4-5] [3.1.1 MQTT-3.1.4-3] [3.1.1 MQTT-3.1.4-4]', async () => {
    for (const protocolVersion of [4, 5] as const) {
      const present = async (clean: boolean, sessionExpiryInterval: number): Promise<unknown> => {
        const options = { protocolVersion, clean, properties: { sessionExpiryInterval } };
        const client = await connect(target, `c${protocolVersion}`, options);
        await client.disconnect();
        const connack = client.packets[0];
        expect(connack).toMatchObject({ cmd: 'connack', ...(protocolVersion === 5 && { reasonCode: 0 }) });
        return connack?.cmd === 'connack' && connack.sessionPresent;
      };
      expect(await present(true, 0)).toBe(false);
      expect(await present(false, 100)).toBe(false);
      expect(await present(false, 100)).toBe(true);
      expect(await present(true, 0)).toBe(false);
      expect(await present(false, 0)).toBe(false);
    }
  });

  test('DISCONNECT can change the Session Expiry Interval: 0 ends the session at once, and no DISCONNECT of the server has one [5.0 MQTT-3.14.2-2] [5.0 MQTT-4.1.0-2]', async () => {
    const options = { ...five, clean: false, properties: { sessionExpiryInterval: 100 } };
    const present = async (): Promise<boolean> => {
      const client = await connect(target, 'c', options);
      const connack = client.packets[0];
      client.sendBytes(frame(0xe0, [0], properties([17, uint32(0)])));
      await client.closed;
      expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
      return connack?.cmd === 'connack' && connack.sessionPresent;
    };
    expect(await present()).toBe(false);
    expect(await present()).toBe(false);
    const kept = await connect(target, 'c', { ...options, properties: { sessionExpiryInterval: 1 } });
    kept.sendBytes(frame(0xe0, [0], properties([17, uint32(1_000)])));
    await kept.closed;
    const again = await connect(target, 'c', options);
    expect(again.packets[0]).toMatchObject({ sessionPresent: true });
  });

  test('assigned client identifiers are unique, and can be used to connect again [3.1.1 MQTT-3.1.3-6] [5.0 MQTT-3.1.3-6] [5.0 MQTT-3.1.3-7] [5.0 MQTT-3.2.2-16]', async () => {
    const assigned = async (): Promise<string> => {
      const client = open(target, 5);
      const options = { ...five, clean: true, properties: { sessionExpiryInterval: 100 } };
      client.send(connectPacket('', options));
      const { properties: received } = await client.next('connack');
      await client.disconnect();
      return received?.assignedClientIdentifier ?? '';
    };
    const [one, two] = [await assigned(), await assigned()];
    expect(one).not.toBe(two);
    expect(one).not.toBe('');
    const again = await connect(target, one, { ...five, clean: false });
    expect(again.packets[0]).toMatchObject({ sessionPresent: true });
    const old = await connect(target, '', { clean: true });
    expect(old.packets[0]).toMatchObject({ returnCode: 0 });
  });

  test('client identifiers of 1 to 23 letters and digits are accepted, and identify their session [3.1.1 MQTT-3.1.3-5] [5.0 MQTT-3.1.3-5] [3.1.1 MQTT-3.1.3-2] [5.0 MQTT-3.1.3-2]', async () => {
    const all = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
    const ids = [...all].concat(all.slice(0, 23), all.slice(23, 46), all.slice(39));
    for (const protocolVersion of [4, 5] as const) {
      for (const id of ids) {
        const client = await connect(target, id, { protocolVersion });
        expect(client.packets[0]).toMatchObject({ cmd: 'connack' });
        expect(client.isClosed).toBe(false);
        client.drop();
      }
    }
  });

  test.each([0, 1, 2] as const)(
    'DISCONNECT 0x04 and a dropped connection publish the will of QoS %d with its properties in their order; DISCONNECT 0x00 does not [5.0 MQTT-3.1.2-7] [5.0 MQTT-3.1.2-10] [5.0 MQTT-3.1.2-14] [5.0 MQTT-3.1.2-15] [5.0 MQTT-3.1.3-10] [5.0 MQTT-3.14.4-3]',
    async (qos) => {
      const watcher = await connect(target, 'watcher', five);
      watcher.send({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: 'w', qos: 2, rap: true }],
      });
      await watcher.next('suback');
      const received = record(watcher);
      const pairs = [
        [38, text('z'), text('1')],
        [38, text('a'), text('2')],
        [38, text('z'), text('3')],
      ];
      const ends = [
        [0xe0, 1, 0x04],
        [0xe0, 0],
      ];
      for (const retain of [0, 1]) {
        const flags = 0x06 | (qos << 3) | (retain << 5);
        const will = [properties([3, text('type')], ...pairs), text('w'), text('gone')];
        const packet = frame(0x10, text('MQTT'), [5, flags], uint16(0), properties(), text('c'), ...will);
        for (const end of [...ends, null]) {
          const client = open(target, 5);
          client.sendBytes(packet);
          await client.next('connack');
          if (end === null) client.drop();
          else client.sendBytes(end);
          await client.closed;
          if (end?.[2] === undefined && end !== null) continue;
          await expect(watcher.next('publish')).resolves.toMatchObject({
            qos,
            retain: retain === 1,
            payload: Buffer.from('gone'),
            properties: { contentType: 'type' },
          });
          expect(received.bytes.includes(Buffer.from(properties(...pairs).slice(1)))).toBe(true);
        }
      }
      await watcher.settle();
      expect(watcher.publishes).toHaveLength(4);
    },
  );
});

describe('with a fake member', () => {
  let target: BrokerTarget;
  beforeEach(async () => {
    target = await startBroker({ authenticator: authenticatorOf(({ userName }) => userName !== 'wrong') });
  });
  afterEach(() => target.stop());

  test('the first packet is CONNACK, exactly one is sent, and its reserved flags are 0 [3.1.1 MQTT-3.2.0-1] [5.0 MQTT-3.2.0-1] [5.0 MQTT-3.2.0-2] [5.0 MQTT-3.2.2-1]', async () => {
    const client = open(target, 5);
    const received = record(client);
    client.send(
      connectPacket('c', five),
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] },
      { cmd: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false },
    );
    await client.next('publish');
    await client.settle();
    expect(client.packets.map(({ cmd }) => cmd).filter((cmd) => cmd !== 'pingresp')).toEqual([
      'connack',
      'suback',
      'publish',
    ]);
    expect((received.bytes[2] ?? 0xff) & 0xfe).toBe(0);
  });

  test('CONNACK without an Authentication Method in CONNECT has no Authentication Method, no Response Information, and no AUTH precedes it [5.0 MQTT-4.12.0-6] [5.0 MQTT-3.1.2-28]', async () => {
    for (const requestResponseInformation of [false, true]) {
      const client = await connect(target, 'c', { ...five, properties: { requestResponseInformation } });
      expect(client.packets).toHaveLength(1);
      expect(client.packets[0]).not.toHaveProperty('properties.authenticationMethod');
      expect(client.packets[0]).not.toHaveProperty('properties.responseInformation');
    }
  });

  test('a client that fails the authentication receives CONNACK with the reason, Session Present 0, and the connection closes; what follows is not handled [3.1.1 MQTT-3.2.2-4] [3.1.1 MQTT-3.2.2-5] [3.1.1 MQTT-3.1.4-5] [5.0 MQTT-3.1.4-2] [5.0 MQTT-3.1.4-6] [5.0 MQTT-3.2.2-6] [5.0 MQTT-3.2.2-7] [5.0 MQTT-3.2.2-8]', async () => {
    for (const [protocolVersion, code] of [
      [4, { returnCode: 4 }],
      [5, { reasonCode: 0x86 }],
    ] as const) {
      const client = open(target, protocolVersion);
      client.send(connectPacket('c', { protocolVersion, username: 'wrong' }), {
        cmd: 'publish',
        topic: 'a',
        payload: 'x',
        qos: 0,
        retain: false,
        dup: false,
      });
      await client.closed;
      expect(client.packets).toMatchObject([{ cmd: 'connack', sessionPresent: false, ...code }]);
    }
    expect(target.port.inputKinds).not.toContain('publish');
  });

  test('PINGREQ is answered by PINGRESP [3.1.1 MQTT-3.12.4-1] [5.0 MQTT-3.12.4-1]', async () => {
    for (const protocolVersion of [4, 5] as const) {
      const client = await connect(target, `c${protocolVersion}`, { protocolVersion });
      client.send({ cmd: 'pingreq' }, { cmd: 'pingreq' });
      await client.next('pingresp');
      await client.next('pingresp');
    }
  });

  test('a DISCONNECT from the server is its last packet, and the connection closes [5.0 MQTT-3.14.4-1] [5.0 MQTT-3.14.4-2] [5.0 MQTT-4.13.2-1]', async () => {
    const client = await connect(target, 'c', five);
    await client.subscribe(1, 'a', 0);
    const publisher = await connect(target, 'p');
    client.sendBytes([0xc1, 0]);
    publisher.publish('a', 'x');
    await client.closed;
    expect(client.packets.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x81 });
    expect(client.packets.at(-1)).not.toHaveProperty('properties.sessionExpiryInterval');
  });

  test('all packets from the server have a property length and no reason properties if Request Problem Information is 0 [5.0 MQTT-3.1.2-29] [5.0 MQTT-2.2.2-1]', async () => {
    const client = await connect(target, 'c', { ...five, properties: { requestProblemInformation: false } });
    const received = record(client);
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$bridge/#', qos: 0 }] });
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['b'] });
    client.publish('$SYS/x', 'x', { qos: 1, messageId: 3 });
    client.publish('$SYS/x', 'x', { qos: 2, messageId: 4 });
    await client.next('pubrec');
    await client.settle();
    const expected = [
      frame(0x90, uint16(1), properties(), [0x87]),
      frame(0xb0, uint16(2), properties(), [0x11]),
      frame(0x40, uint16(3), [0x87]),
      frame(0x50, uint16(4), [0x87]),
    ];
    for (const packet of expected) expect(received.bytes.includes(Buffer.from(packet))).toBe(true);
  });

  test('no packet but CONNACK and DISCONNECT has a Reason String, and no packet has a User Property of the server, so that these never exceed Maximum Packet Size [5.0 MQTT-3.2.2-20] [5.0 MQTT-3.4.2-2] [5.0 MQTT-3.4.2-3] [5.0 MQTT-3.5.2-2] [5.0 MQTT-3.5.2-3] [5.0 MQTT-3.6.2-2] [5.0 MQTT-3.6.2-3] [5.0 MQTT-3.7.2-2] [5.0 MQTT-3.7.2-3] [5.0 MQTT-3.9.2-1] [5.0 MQTT-3.9.2-2] [5.0 MQTT-3.11.2-1] [5.0 MQTT-3.11.2-2] [5.0 MQTT-3.14.2-4]', async () => {
    const client = await connect(target, 'c', five);
    expect(client.packets[0]).not.toHaveProperty('properties.userProperties');
    const received = record(client);
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 2 }] });
    client.publish('b', 'x', { qos: 1, messageId: 2 });
    client.publish('b', 'x', { qos: 2, messageId: 3 });
    client.send({ cmd: 'pubrel', messageId: 3 });
    await client.next('pubcomp');
    client.send({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a'] });
    await client.next('unsuback');
    const expected = [
      frame(0x90, uint16(1), properties(), [2]),
      frame(0x40, uint16(2)),
      frame(0x50, uint16(3)),
      frame(0x70, uint16(3)),
      frame(0xb0, uint16(4), properties(), [0]),
    ];
    expect(received.bytes).toEqual(Buffer.from(expected.flat()));
    await client.subscribe(5, 'a', 2);
    client.publish('a', 'x', { qos: 2, messageId: 6 });
    const { messageId = 0 } = await client.next('publish');
    client.send({ cmd: 'pubrec', messageId });
    await client.next('pubrel');
    expect(received.bytes.includes(Buffer.from(frame(0x62, uint16(messageId))))).toBe(true);
    client.sendBytes([0xc1, 0]);
    await expect(client.next('disconnect')).resolves.not.toHaveProperty('properties.userProperties');
  });

  test('the CONNECT fields arrive in their order, also a user name without a password and a password without a user name [5.0 MQTT-3.1.3-1] [5.0 MQTT-3.1.2-16] [5.0 MQTT-3.1.2-17] [5.0 MQTT-3.1.2-18] [5.0 MQTT-3.1.2-19]', async () => {
    const seen: unknown[] = [];
    const other = await startBroker({
      authenticator: authenticatorOf(({ client, userName, password }) => {
        seen.push([client, userName, password && Buffer.from(password).toString()]);
        return true;
      }),
    });
    const will = [properties(), text('w'), text('x')];
    const fields = [text('user'), text('secret')];
    for (const [flags, ...payload] of [
      [0xc6, ...will, ...fields],
      [0x86, ...will, text('user')],
      [0x42, text('secret')],
    ] as const) {
      const client = open(other, 5);
      client.sendBytes(frame(0x10, text('MQTT'), [5, flags], uint16(0), properties(), text('c'), ...payload));
      await client.next('connack');
      client.drop();
    }
    await other.stop();
    expect(seen).toEqual([
      ['c', 'user', 'secret'],
      ['c', 'user', undefined],
      ['c', undefined, 'secret'],
    ]);
    expect(other.port.requests[0]?.will).toMatchObject({ topic: 'w' });
  });

  test('a valid packet of every type from an MQTT 5 client, with all its properties, is accepted', async () => {
    const client = open(target, 5);
    const user = [38, text('a'), text('b')];
    const reason = [31, text('because')];
    const all = [
      [17, uint32(9)],
      [33, uint16(9)],
      [39, uint32(999)],
      [34, uint16(9)],
      [25, 1],
      [23, 1],
      user,
      user,
    ];
    const will = [
      [24, uint32(1)],
      [1, 1],
      [2, uint32(9)],
      [3, text('t')],
      [8, text('r')],
      [9, text('d')],
      user,
    ];
    client.sendBytes(
      frame(
        0x10,
        text('MQTT'),
        [5, 0x06],
        uint16(60),
        properties(...all),
        text('c'),
        properties(...will),
        text('w'),
        text('x'),
      ),
      frame(0x82, uint16(1), properties([11, 0xff, 0xff, 0xff, 0x7f], user), text('a'), [0x2e]),
      frame(0xa2, uint16(2), properties(user), text('b')),
      frame(
        0x34,
        text('b'),
        uint16(3),
        properties([1, 1], [2, uint32(9)], [3, text('t')], [8, text('r')], [9, text('d')], [35, 0, 1], user),
        [0x78],
      ),
      frame(0x62, uint16(3), [0], properties(reason, user)),
      frame(0x40, uint16(9), [0x10], properties(reason, user)),
      frame(0x50, uint16(9), [0x83], properties(reason, user)),
      frame(0x70, uint16(9), [0x92], properties(reason, user)),
      generate({ cmd: 'pingreq' }),
    );
    await client.next('pingresp');
    await client.next('pubcomp');
    expect(client.packets.map(({ cmd }) => cmd)).not.toContain('disconnect');
    client.sendBytes(frame(0xe0, [0x04], properties([17, uint32(1)], reason, user)));
    await client.closed;
    expect(target.port.disconnects).toEqual([{ connection: 1, graceful: false, sessionExpirySeconds: 1 }]);
  });
});
