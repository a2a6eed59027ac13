import { connect } from 'node:net';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { silentLogger } from '@mqtt-cluster/contracts';
import { HttpConnections, remoteConnectionsMax } from '../src/http/http-connections.ts';
import { createHttpServer } from '../src/index.ts';
import type { HttpServer, HttpServerOptions } from '../src/index.ts';

const host = '127.0.0.1';
let server: HttpServer;
const sockets: Socket[] = [];

async function serve(more: Partial<HttpServerOptions> = {}): Promise<void> {
  server = createHttpServer({
    host,
    port: 0,
    logger: silentLogger,
    metrics: { render: async () => 'clients 1\n', contentType: 'text/plain; version=0.0.4' },
    health: () => ({ ok: true }),
    ready: () => ({ ok: true }),
    status: () => ({ state: 'serving' }),
    ...more,
  });
  await server.start();
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.stop();
});

async function open(text = '', localAddress = host): Promise<Socket> {
  const socket = connect({ host, port: server.address().port, localAddress });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  if (text !== '') socket.write(text);
  return socket;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
}

async function statusOf(path: string): Promise<number> {
  const { port } = server.address();
  return (await fetch(`http://${host}:${port}${path}`, { headers: { connection: 'close' } })).status;
}

test.each([
  ['idle sockets', ''],
  ['sockets with unfinished headers', 'GET /status HTTP/1.1\r\nhost: 127.0.0.1\r\n'],
  ['sockets with an unfinished body', 'POST /do HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n{'],
])('seventy %s on the HTTP port leave /readyz and /metrics to everybody', async (_what, text) => {
  await serve({ routes: (request) => request.json().then((body) => ({ code: 200, body })) });
  for (let number = 0; number < 70; number++) await open(text, number % 2 === 0 ? host : '127.0.0.2');
  expect(await statusOf('/readyz')).toBe(200);
  expect(await statusOf('/metrics')).toBe(200);
});

test.each([
  ['sends nothing', ''],
  ['sends its headers slowly', 'GET /status HTTP/1.1\r\n'],
])('the HTTP server cuts a client that %s', async (_what, text) => {
  await serve();
  await closed((await open(text)).resume());
});

test('the HTTP server cuts a client that sends its body slowly', async () => {
  await serve({ routes: (request) => request.json().then((body) => ({ code: 200, body })) });
  const socket = await open('POST /do HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n{');
  await closed(socket.resume());
});

class FakeSocket extends EventEmitter {
  destroyed = false;
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(remoteAddress: string, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

let lastPort = 0;
function add(connections: HttpConnections, address: string): FakeSocket & Socket {
  const socket = new FakeSocket(address, ++lastPort) as unknown as FakeSocket & Socket;
  connections.add(socket);
  return socket;
}

describe('places for HTTP connections:', () => {
  test('a network with many connections takes no place from a scraper, and loses its oldest idle ones', () => {
    const connections = new HttpConnections(silentLogger);
    const scraper = add(connections, '192.0.2.9');
    const many = Array.from({ length: remoteConnectionsMax }, () => add(connections, '192.0.2.1'));
    expect([scraper.destroyed, many[0]!.destroyed, many[1]!.destroyed]).toEqual([false, true, false]);
    expect(add(connections, '192.0.2.8').destroyed).toBe(false);
    expect(many[1]!.destroyed).toBe(true);
    expect(connections.size).toBe(remoteConnectionsMax);
  });

  test('a connection whose request is being answered keeps its place while there are idle ones', () => {
    const connections = new HttpConnections(silentLogger);
    const many = Array.from({ length: remoteConnectionsMax }, () => add(connections, '192.0.2.1'));
    const end = connections.answer(many[0]!);
    add(connections, '192.0.2.8');
    expect([many[0]!.destroyed, many[1]!.destroyed]).toEqual([false, true]);
    end();
    add(connections, '192.0.2.7');
    expect(many[0]!.destroyed).toBe(true);
  });

  test('busy connections of one network leave a place to another network, and the same network is refused', () => {
    const connections = new HttpConnections(silentLogger);
    const many = Array.from({ length: remoteConnectionsMax }, () => add(connections, '192.0.2.1'));
    for (const socket of many) connections.answer(socket);
    expect(add(connections, '192.0.2.1').destroyed).toBe(true);
    expect(add(connections, '192.0.2.8').destroyed).toBe(false);
    expect(many[0]!.destroyed).toBe(true);
  });

  test('other hosts take no place from this host', () => {
    const connections = new HttpConnections(silentLogger);
    const local = add(connections, '127.0.0.1');
    for (let last = 0; last < 2 * remoteConnectionsMax; last++) add(connections, `192.0.2.${last}`);
    expect([local.destroyed, add(connections, '127.0.0.1').destroyed]).toEqual([false, false]);
  });
});
