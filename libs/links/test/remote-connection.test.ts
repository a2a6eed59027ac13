import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { freePorts, host, until } from '@mqtt-cluster/testing';
import { generate } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
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
): Promise<{ reason: string; end: string; packets: Packet[] }> {
  const packets: Packet[] = [];
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
    onClosed: (text, how) => {
      reason = text;
      end = how;
    },
  });
  await until(() => reason !== '');
  connection.end();
  return { reason, end, packets };
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

test('a packet that never ends is not kept in memory beyond the bound', async () => {
  // The header of a PUBLISH of 256 MiB, and its begin.
  const endless = Buffer.concat([Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), Buffer.alloc(400_000)]);
  const { reason, packets } = await reasonOf(await answering(accepted, endless));
  expect(reason).toBe('the other broker sent a packet of more than 1000 bytes');
  expect(packets).toEqual([]);
});

test('a packet that cannot be handled ends the connection, and no more', async () => {
  const publish: Packet = { cmd: 'publish', topic: 't', payload: 'x', qos: 0, retain: false, dup: false };
  const { reason } = await reasonOf(await answering(accepted, publish), () => {
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
    onClosed: (text) => (reason = text),
  });
  await until(() => received > 20_000_000 || reason !== '');
  expect(reason).toBe('');
  connection.end();
});

test('a WebSocket message above the bound on packets ends the connection before its bytes arrive', async () => {
  const server = createHttpServer();
  server.on('upgrade', ({ headers }, socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    // RFC 6455, 4.2.2 and 5.2: the answer, and the header of a binary frame of 2 MiB.
    const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`,
    );
    const header = Buffer.alloc(10);
    header.writeUInt16BE(0x827f);
    header.writeBigUInt64BE(2n * 1024n * 1024n, 2);
    socket.write(header);
  });
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect((await reasonOf(port, () => undefined, 'ws')).reason).toBe(
    'the other broker sent a WebSocket message above the bound on packets (packetBytesMax)',
  );
});
