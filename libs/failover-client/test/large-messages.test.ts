import type { Socket } from 'node:net';
import { generate } from 'mqtt-packet';
import { LargeMessageDetector } from '../src/session/large-message-detector.ts';
import { publishPacketBytes } from '../src/session/packet-size.ts';
import { createTestClient, startServers, stopAll } from './support/test-client.ts';
import type { FakeServer, FakeServerOptions } from './support/fake-server.ts';

afterEach(stopAll);

const limit = 100_000;
const tooLarge = 'x'.repeat(limit);
const announcing: FakeServerOptions = {
  connack: () => ({ properties: { maximumPacketSize: limit } }),
};

/** A server that closes the connection for a large PUBLISH, as a server of MQTT 3.1.1 must. */
function closing(reasonCode?: number): FakeServerOptions {
  return {
    onPacket: (packet, server, socket) => {
      if (packet.cmd !== 'publish' || packet.payload.length < limit) return false;
      if (reasonCode !== undefined) server.send({ cmd: 'disconnect', reasonCode });
      (socket as Socket).destroySoon();
      return true;
    },
  };
}

test.each([
  [4, 0, 0],
  [4, 1, 118],
  [4, 1, 119],
  [4, 2, 16_370],
  [5, 0, 122],
  [5, 1, 300_000],
] as const)(
  'publishPacketBytes returns the bytes of the packet (version %i, QoS %i, payload %i)',
  (version, qos, bytes) => {
    const publish = { topic: 'tö', payload: Buffer.alloc(bytes), qos };
    const packet = { ...publish, cmd: 'publish', retain: false, dup: false, messageId: 1 } as const;
    expect(publishPacketBytes(publish, version)).toBe(generate(packet, { protocolVersion: version }).length);
  },
);

describe('a failover client rejects a message', () => {
  test.each([0, 1, 2] as const)(
    'of QoS %i that exceeds Maximum Packet Size of the server, and stays connected',
    async (qos) => {
      const [server] = (await startServers(1, [announcing])) as [FakeServer];
      const { client } = createTestClient([server]);
      await client.start();
      await client.connected();
      await expect(client.publish('t', tooLarge, { qos })).rejects.toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
        packetBytesMax: limit,
        packetBytes: limit + (qos > 0 ? 10 : 8),
        message: expect.stringContaining(`the server accepts at most ${limit} bytes`),
      });
      await client.publish('t', 'small', { qos: 1 });
      expect(server.packets('publish').map(({ payload }) => payload.toString())).toEqual(['small']);
      expect(client.status()).toMatchObject({ unacked: 0, connects: 1 });
    },
  );

  test('that was published before the server announced its limit, and sends the others', async () => {
    const [server] = (await startServers(1, [announcing])) as [FakeServer];
    const { client } = createTestClient([server]);
    const publishes = [
      client.publish('t', 'before', { qos: 1 }),
      client.publish('t', tooLarge, { qos: 1 }),
      client.publish('t', 'behind', { qos: 1 }),
    ];
    const outcomes = Promise.allSettled(publishes);
    await client.start();
    expect(await outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'MESSAGE_TOO_LARGE', packetBytesMax: limit } },
      { status: 'fulfilled' },
    ]);
    expect(server.packets('publish').map(({ payload }) => payload.toString())).toEqual(['before', 'behind']);
  });

  test.each([1, 2] as const)(
    'of QoS %i in flight that the next server does not accept, instead of sending it for ever',
    async (qos) => {
      const silent: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
      const [first, second] = (await startServers(2, [silent, announcing])) as [FakeServer, FakeServer];
      const { client } = createTestClient([first, second]);
      await client.start();
      await client.connected();
      const outcome = expect(client.publish('t', tooLarge, { qos })).rejects.toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
      });
      await first.received(({ cmd }) => cmd === 'publish');
      await first.kill();
      await outcome;
      await client.publish('t', 'small', { qos: 1 });
      expect(second.packets('publish').map(({ payload }) => payload.toString())).toEqual(['small']);
    },
  );

  test('when an MQTT 5 server closes the connection with reason code 0x95', async () => {
    const [server] = (await startServers(1, [closing(0x95)])) as [FakeServer];
    const { client } = createTestClient([server]);
    await client.start();
    await client.connected();
    await expect(client.publish('t', tooLarge, { qos: 1 })).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      packetBytesMax: null,
    });
    await client.publish('t', 'small', { qos: 1 });
    expect(server.packets('connect')).toHaveLength(2);
  });

  test('when a server of MQTT 3.1.1 has closed two connections while the message was sent', async () => {
    const [server] = (await startServers(1, [closing()])) as [FakeServer];
    const { client } = createTestClient([server], { protocolVersion: 4, session: 'persistent' });
    await client.start();
    await client.connected();
    await expect(client.publish('t', tooLarge, { qos: 1 })).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      packetBytesMax: null,
    });
    await client.connected();
    expect(server.packets('publish')).toHaveLength(2);
  });

  test('of MQTT 3.1.1 that exceeds the option packetBytesMax', async () => {
    const [server] = (await startServers(1)) as [FakeServer];
    const { client } = createTestClient([server], { protocolVersion: 4, packetBytesMax: limit });
    await client.start();
    await client.connected();
    await expect(client.publish('t', tooLarge, { qos: 1 })).rejects.toMatchObject({ packetBytesMax: limit });
    expect(server.packets('publish')).toEqual([]);
  });
});

describe('LargeMessageDetector', () => {
  const large = ['large', 70_000] as const;

  test('suspects the largest message, and gives it up after two closed connections in a row', () => {
    const detector = new LargeMessageDetector<string>();
    expect(detector.connectionClosed([['small', 1], large], false)).toBeNull();
    expect(detector.connectionClosed([large], false)).toBe('large');
  });

  test('starts again when another message, or none of at least 64 KiB, was in flight', () => {
    const detector = new LargeMessageDetector<string>();
    expect(detector.connectionClosed([large], false)).toBeNull();
    expect(detector.connectionClosed([['other', 80_000], large], false)).toBeNull();
    expect(detector.connectionClosed([['small', 65_535]], false)).toBeNull();
    expect(detector.connectionClosed([['small', 65_535]], false)).toBeNull();
    expect(detector.connectionClosed([large], false)).toBeNull();
  });

  test('gives the largest message up at once if the server has named the reason', () => {
    expect(new LargeMessageDetector<string>().connectionClosed([['small', 1]], true)).toBe('small');
    expect(new LargeMessageDetector<string>().connectionClosed([], true)).toBeNull();
  });
});
