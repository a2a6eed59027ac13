import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { freePorts, host, until } from '@mqtt-cluster/testing';
import { generate } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { webSocketMessageBytesMax } from '../src/remote/packet-frames.ts';
import type { SkippedPublish } from '../src/remote/packet-frames.ts';
import { RemoteConnection } from '../src/remote/remote-connection.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Starts a broker that answers CONNECT with these bytes or acts, and returns its port. */
async function answering(...packets: (Packet | Buffer | ((socket: Socket) => void))[]): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      for (const packet of packets)
        if (typeof packet === 'function') packet(socket);
        else socket.write(Buffer.isBuffer(packet) ? packet : generate(packet, { protocolVersion: 5 }));
    });
  });
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Connects, and returns the reason of the end and the received packets. */
async function reasonOf(
  port: number,
  onPacket: (packet: Packet) => void = () => undefined,
  scheme = 'mqtt',
  connect: object = {},
): Promise<{ reason: string; end: string; packets: Packet[]; skipped: SkippedPublish[] }> {
  const packets: Packet[] = [];
  const skipped: SkippedPublish[] = [];
  let reason = '';
  let end = '';
  const connection = new RemoteConnection({
    url: `${scheme}://${host}:${port}`,
    tls: {},
    connect: {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: 'c',
      clean: true,
      keepalive: 1,
      ...connect,
    },
    keepAliveMs: 200,
    packetBytesMax: 1_000,
    onConnected: () => undefined,
    onPacket: (packet) => {
      packets.push(packet);
      onPacket(packet);
    },
    onSkipped: (publish) => skipped.push(publish),
    onClosed: (text, how) => {
      reason = text;
      end = how;
    },
  });
  await until(() => reason !== '');
  connection.end();
  return { reason, end, packets, skipped };
}

const accepted: Packet = { cmd: 'connack', reasonCode: 0, sessionPresent: false };

test('a port at which nothing listens is one sentence', async () => {
  const [port = 0] = await freePorts(1);
  expect((await reasonOf(port)).reason).toBe('the connection was refused: nothing listens at the address');
});

test.each<[string, Packet | ((socket: Socket) => void), string]>([
  ['RabbitMQ', (socket) => socket.end(), 'the other broker closed the connection'],
  [
    'nats-server',
    // CONNACK of MQTT 3.1.1 with return code 1
    (socket) => socket.write(Buffer.from([0x20, 2, 0, 1])),
    'the other broker refused the connection: it does not accept this version of MQTT',
  ],
])(
  'a broker that does not know bridges, such as %s, is named with the setting',
  async (_name, answer, reason) => {
    const port = await answering(answer);
    const version4 = { protocolVersion: 4 };
    const bridge = await reasonOf(port, undefined, 'mqtt', { ...version4, bridgeMode: true });
    expect(bridge.reason).toBe(`${reason}; if it knows no bridges, set "bridge" to false`);
    expect((await reasonOf(port, undefined, 'mqtt', version4)).reason).toBe(reason);
  },
);

test('the reason code of a refused CONNECT is in the reason', async () => {
  const port = await answering({ cmd: 'connack', reasonCode: 0x86, sessionPresent: false });
  expect((await reasonOf(port)).reason).toBe(
    'the other broker refused the connection: the user name or password is wrong',
  );
});

test('a broker that is silent for a keep-alive ends the connection', async () => {
  expect((await reasonOf(await answering(accepted))).reason).toBe('the other broker does not answer');
});

test('a packet before CONNACK ends the connection', async () => {
  const port = await answering({ cmd: 'puback', messageId: 1 });
  expect((await reasonOf(port)).reason).toBe('the other broker sent a packet before CONNACK');
});

test('a packet other than PUBLISH above the bound ends the connection before its bytes arrive', async () => {
  // The header of a SUBACK of 256 MiB.
  const { reason, packets } = await reasonOf(
    await answering(accepted, Buffer.from([0x90, 0xff, 0xff, 0xff, 0x7f])),
  );
  expect(reason).toBe('the other broker sent a packet of more than 132072 bytes');
  expect(packets).toEqual([]);
});

const large: Packet = {
  cmd: 'publish',
  topic: 'large',
  payload: Buffer.alloc(2_000_000),
  qos: 1,
  retain: false,
  dup: false,
  messageId: 7,
};
const next: Packet = { ...large, topic: 'next', payload: 'x', messageId: 8 };

test('a PUBLISH above the bound is skipped, and the packets behind it arrive', async () => {
  const { reason, packets, skipped } = await reasonOf(await answering(accepted, large, next));
  expect(reason).toBe('the other broker does not answer');
  expect(packets).toEqual([expect.objectContaining({ topic: 'next', messageId: 8 })]);
  expect(skipped).toEqual([{ topic: 'large', qos: 1, messageId: 7, bytes: expect.any(Number) }]);
});

test('a DISCONNECT behind many bytes says why the connection ends, wherever their reads end', async () => {
  for (let kilobytes = 2_000; kilobytes < 2_064; kilobytes += 8) {
    const bytes = [{ ...large, payload: Buffer.alloc(kilobytes * 1_024) }, shutDown].map((packet) =>
      generate(packet, { protocolVersion: 5 }),
    );
    const port = await answering(accepted, (socket) => socket.end(Buffer.concat(bytes)));
    expect(await reasonOf(port)).toMatchObject({
      reason: 'the other broker closed the connection: it shuts down',
      end: 'other',
      skipped: [{ topic: 'large' }],
    });
  }
});

test('a PUBLISH above the bound before CONNACK ends the connection', async () => {
  const { reason, skipped } = await reasonOf(await answering(large));
  expect(reason).toBe('the other broker sent a packet before CONNACK');
  expect(skipped).toEqual([]);
});

const small: Packet = { cmd: 'publish', topic: 't', payload: 'x', qos: 0, retain: false, dup: false };
const shutDown: Packet = { cmd: 'disconnect', reasonCode: 0x8b };

test('a packet that cannot be handled ends the connection, and no more', async () => {
  const { reason } = await reasonOf(await answering(accepted, small), () => {
    throw new TypeError('text');
  });
  expect(reason).toBe('a packet of the other broker (publish) could not be handled: text');
});

test.each<[string, string, Packet | ((socket: Socket) => void)]>([
  ['that the other broker closes counts as closed', 'closed', (socket) => void socket.end()],
  [
    'that ends with DISCONNECT 0x95 (packet too large) counts as closed',
    'closed',
    { cmd: 'disconnect', reasonCode: 0x95 },
  ],
  [
    'that ends with DISCONNECT 0x8b (server shutting down) does not count as closed',
    'other',
    { cmd: 'disconnect', reasonCode: 0x8b },
  ],
  ['that is silent does not count as closed', 'other', () => undefined],
])('a connection %s', async (_what, end, action) => {
  expect((await reasonOf(await answering(accepted, action))).end).toBe(end);
});

test('a connection that is reset counts as reset', async () => {
  const port = await answering(accepted, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  expect((await reasonOf(port)).end).toBe('reset');
});

test('a broker that reads slowly and sends nothing stays connected while it reads', async () => {
  let received = 0;
  const port = await answering(accepted, (socket) =>
    socket.on('data', ({ length }) => {
      received += length;
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    }),
  );
  let reason = '';
  const connection = new RemoteConnection({
    url: `mqtt://${host}:${port}`,
    tls: {},
    connect: { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'c', clean: true },
    keepAliveMs: 800,
    packetBytesMax: 1_000,
    onConnected: () => {
      const payload = Buffer.alloc(1_000_000);
      for (let messageId = 1; messageId <= 60; messageId++)
        connection.send({
          cmd: 'publish',
          topic: 't',
          payload,
          qos: 1,
          retain: false,
          dup: false,
          messageId,
        });
    },
    onPacket: () => undefined,
    onSkipped: () => undefined,
    onClosed: (text) => (reason = text),
  });
  await until(() => received > 20_000_000 || reason !== '');
  expect(reason).toBe('');
  connection.end();
});

/** Starts a broker that accepts a WebSocket and sends these bytes of frames, and returns its port. */
async function answeringWebSocket(...frames: readonly Buffer[]): Promise<number> {
  const server = createHttpServer();
  server.on('upgrade', ({ headers }, socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    // RFC 6455, 4.2.2.
    const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`,
    );
    for (const frame of frames) socket.write(frame);
  });
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Returns the header of a binary frame (RFC 6455, 5.2). */
function frameHeader(bytes: number): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt16BE(0x827f);
  header.writeBigUInt64BE(BigInt(bytes), 2);
  return header;
}

test('a PUBLISH above the bound in one WebSocket message is skipped, and the packets behind it arrive', async () => {
  const frames = [accepted, large, next].map((packet) => {
    const bytes = generate(packet, { protocolVersion: 5 });
    return Buffer.concat([frameHeader(bytes.length), bytes]);
  });
  const { packets, skipped } = await reasonOf(await answeringWebSocket(...frames), undefined, 'ws');
  expect(packets).toEqual([expect.objectContaining({ topic: 'next', messageId: 8 })]);
  expect(skipped).toEqual([expect.objectContaining({ topic: 'large', messageId: 7 })]);
});

test('a WebSocket message above its bound ends the connection before its bytes arrive', async () => {
  const port = await answeringWebSocket(frameHeader(webSocketMessageBytesMax + 1));
  expect((await reasonOf(port, undefined, 'ws')).reason).toBe(
    'the other broker sent a WebSocket message of more than 16777216 bytes; a link over mqtt or mqtts skips such a message',
  );
});
