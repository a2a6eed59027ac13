import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { MqttConnection, resetSocket } from '../src/index.ts';

const host = '127.0.0.1';
let server: Server;
let port = 0;
let accepted: Promise<Socket>;

/** Returns the number of TCP connections that this process has open. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

beforeEach(async () => {
  server = createServer().listen(0, host);
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  accepted = once(server, 'connection').then(([socket]) => socket as Socket);
});

afterEach(async () => {
  (await accepted).destroy();
  server.close();
  await once(server, 'close');
});

async function dial(): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  return socket;
}

describe('resetSocket', () => {
  test('resets an open connection', async () => {
    const socket = await dial();
    const peer = await accepted;
    peer.resume();
    resetSocket(socket);
    const [error] = (await once(peer, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });

  test('closes a connection that is ending, and leaves no handle that keeps the process from exiting', async () => {
    const socket = await dial();
    const peer = await accepted;
    peer.on('error', () => undefined).resume();
    const errors: Error[] = [];
    socket.on('error', (error) => errors.push(error));
    const closed = Promise.all(
      [socket, peer].map((end) => new Promise((resolve) => end.once('close', resolve))),
    );
    socket.end();
    resetSocket(socket);
    expect(errors).toEqual([]);
    await closed;
    expect(openSockets()).toBe(0);
  });
});

describe('MqttConnection', () => {
  test('leaves no open socket when it is abandoned directly after a disconnect', async () => {
    const connection = new MqttConnection({
      server: { id: 'server', host, port },
      version: 4,
      makeConnect: () => ({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: 'c',
        clean: true,
      }),
      handlers: { onConnected: () => undefined, onPacket: () => undefined, onEnded: () => undefined },
    });
    const peer = await accepted;
    const closed = new Promise((resolve) => peer.once('close', resolve));
    peer.on('error', () => undefined);
    await once(peer, 'data');
    peer.resume();
    connection.disconnect();
    connection.abandon();
    await closed;
    // The close of the handle takes a few turns of the event loop.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(openSockets()).toBe(0);
  });
});
