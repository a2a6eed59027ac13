import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { silentLogger } from '@mqtt-cluster/contracts';
import { createHttpServer } from '../src/index.ts';
import type { HttpExchange, HttpServer, HttpServerOptions } from '../src/index.ts';

const host = '127.0.0.1';
let server: HttpServer | null = null;
const sockets: Socket[] = [];

async function serve(more: Partial<HttpServerOptions>): Promise<number> {
  server = createHttpServer({
    host,
    port: 0,
    logger: silentLogger,
    metrics: { render: async () => '', contentType: 'text/plain' },
    health: () => ({ ok: true }),
    ready: () => ({ ok: true }),
    status: () => ({}),
    ...more,
  });
  await server.start();
  return server.address().port;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host, port });
  sockets.push(socket);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.stop();
  server = null;
});

it('hands the request and its parts to the taker of its path, and serves other paths itself', async () => {
  const taken: HttpExchange[] = [];
  const port = await serve({
    takeOver: (exchange) => {
      if (!exchange.path.startsWith('/api/')) return false;
      taken.push(exchange);
      exchange.response.end('taken');
      return true;
    },
  });
  expect(await (await fetch(`http://${host}:${port}/api/x?a=1`)).text()).toBe('taken');
  expect((await fetch(`http://${host}:${port}/healthz`)).status).toBe(200);
  expect(taken).toHaveLength(1);
  const [{ path, query, address, isLocal, isPrivate, isSecure }] = taken as [HttpExchange];
  expect({ path, a: query.get('a'), address, isLocal, isPrivate, isSecure }).toEqual({
    path: '/api/x',
    a: '1',
    address: host,
    isLocal: true,
    isPrivate: true,
    isSecure: false,
  });
});

it('asks the guard before the taker', async () => {
  const port = await serve({
    guard: () => ({ code: 403, body: { error: 'no' } }),
    takeOver: ({ response }) => {
      response.end('taken');
      return true;
    },
  });
  expect((await fetch(`http://${host}:${port}/api/x`)).status).toBe(403);
});

it('counts the connection of a stream as busy: new connections take the places of idle ones', async () => {
  let stream: HttpExchange | null = null;
  const port = await serve({
    takeOver: (exchange) => {
      if (exchange.path !== '/api/stream') return false;
      stream = exchange;
      exchange.response.write('first ');
      return true;
    },
  });
  const response = await fetch(`http://${host}:${port}/api/stream`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe('first ');
  // More connections than the server has places.
  for (let count = 0; count < 40; count++) await open(port);
  expect((await fetch(`http://${host}:${port}/healthz`)).status).toBe(200);
  stream!.response.end('last');
  expect((await reader.read()).value).toBe('last');
});
