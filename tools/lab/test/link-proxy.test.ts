import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { once } from 'node:events';
import { healthyLink, LinkProxy } from '../src/network/link-proxy.ts';

const host = '127.0.0.1';
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Answers everything with itself. */
async function echoServer(port = 0): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(port, host);
  await once(server, 'listening');
  cleanups.push(() => {
    server.close();
    sockets.forEach((socket) => socket.destroy());
  });
  return { server, port: (server.address() as AddressInfo).port, sockets };
}

async function proxyTo(targetPort: number): Promise<LinkProxy> {
  const proxy = new LinkProxy({
    listenHost: host,
    listenPort: 0,
    targetHost: host,
    targetPort,
    random: () => 0.5,
  });
  await proxy.open();
  cleanups.push(() => proxy.close());
  return proxy;
}

function dial(port: number): Socket {
  const socket = connect(port, host);
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  return socket;
}

async function receive(socket: Socket, bytes: number): Promise<string> {
  let text = '';
  while (text.length < bytes) text += String((await once(socket, 'data'))[0]);
  return text;
}

/** `events.once` would reject on the error that comes before. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Resolves after what is ready now has been handled, several times over. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function connectionError(port: number): Promise<string> {
  const socket = connect(port, host);
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code ?? '';
}

describe('a link proxy', () => {
  test('carries bytes both ways', async () => {
    const proxy = await proxyTo((await echoServer()).port);
    const socket = dial(proxy.port);
    socket.write('hello');
    expect(await receive(socket, 5)).toBe('hello');
  });

  test('a blackhole passes nothing and tells nobody; after the heal everything comes, in order', async () => {
    const { port, sockets } = await echoServer();
    const proxy = await proxyTo(port);
    const socket = dial(proxy.port);
    socket.write('1');
    await receive(socket, 1);
    proxy.set({ ...healthyLink, mode: 'blackhole' });
    let heard = 0;
    const echoed = once(sockets[0] as Socket, 'data').then(() => (heard += 1));
    socket.write('23');
    await turns();
    expect(heard).toBe(0);
    expect(socket.destroyed).toBe(false);
    proxy.set(healthyLink);
    expect(await receive(socket, 2)).toBe('23');
    await echoed;
  });

  test('one way: the other direction flows, also on new connections; after the heal nothing is missing', async () => {
    const { port, sockets } = await echoServer();
    const proxy = await proxyTo(port);
    const socket = dial(proxy.port);
    socket.write('1');
    await receive(socket, 1);
    proxy.set({ ...healthyLink, blocked: 'forward' });
    let heard = 0;
    const echoed = once(sockets[0] as Socket, 'data').then(() => (heard += 1));
    socket.write('23');
    // The server still reaches its peer.
    sockets[0]?.write('x');
    expect(await receive(socket, 1)).toBe('x');
    const second = dial(proxy.port);
    second.write('4');
    while (sockets.length < 2) await turns();
    sockets[1]?.write('y');
    expect(await receive(second, 1)).toBe('y');
    expect(heard).toBe(0);
    const rest = Promise.all([receive(socket, 2), receive(second, 1)]);
    proxy.set(healthyLink);
    expect(await rest).toEqual(['23', '4']);
    await echoed;
  });

  test('one way, backward: what the server says is held, what it is told arrives', async () => {
    const { port, sockets } = await echoServer();
    const proxy = await proxyTo(port);
    const socket = dial(proxy.port);
    socket.write('1');
    await receive(socket, 1);
    proxy.set({ ...healthyLink, blocked: 'backward' });
    let answered = 0;
    socket.once('data', () => (answered += 1));
    const heard = once(sockets[0] as Socket, 'data');
    socket.write('2');
    await heard;
    await turns();
    expect(answered).toBe(0);
    const rest = receive(socket, 1);
    proxy.set(healthyLink);
    expect(await rest).toBe('2');
  });

  test('a blackhole hides the end of the other side until the heal', async () => {
    const { port, sockets } = await echoServer();
    const proxy = await proxyTo(port);
    const socket = dial(proxy.port);
    socket.write('1');
    await receive(socket, 1);
    proxy.set({ ...healthyLink, mode: 'blackhole' });
    const serverSide = sockets[0] as Socket;
    serverSide.destroy();
    await turns();
    expect(socket.destroyed).toBe(false);
    const ended = closed(socket);
    proxy.set(healthyLink);
    await ended;
  });

  test('a connection made during a blackhole works after the heal', async () => {
    const { port, sockets } = await echoServer();
    const proxy = await proxyTo(port);
    proxy.set({ ...healthyLink, mode: 'blackhole' });
    const socket = dial(proxy.port);
    await once(socket, 'connect');
    socket.write('x');
    await turns();
    expect(sockets).toHaveLength(0);
    proxy.set(healthyLink);
    expect(await receive(socket, 1)).toBe('x');
  });

  test('cut resets connections, old and new', async () => {
    const proxy = await proxyTo((await echoServer()).port);
    const socket = dial(proxy.port);
    socket.write('1');
    await receive(socket, 1);
    const ended = closed(socket);
    proxy.set({ ...healthyLink, mode: 'cut' });
    await ended;
    const second = dial(proxy.port);
    await closed(second);
    proxy.set(healthyLink);
    const third = dial(proxy.port);
    third.write('3');
    expect(await receive(third, 1)).toBe('3');
  });

  test('a delay keeps the order', async () => {
    const { port } = await echoServer();
    const delays = [0.9, 0.1, 0.5];
    let call = 0;
    const proxy = new LinkProxy({
      listenHost: host,
      listenPort: 0,
      targetHost: host,
      targetPort: port,
      random: () => delays[call++ % delays.length] ?? 0,
    });
    await proxy.open();
    cleanups.push(() => proxy.close());
    proxy.set({ ...healthyLink, delayMs: 20, jitterMs: 20 });
    const socket = dial(proxy.port);
    const received = receive(socket, 10);
    for (const digit of '0123456789') {
      socket.write(digit);
      await turns();
    }
    expect(await received).toBe('0123456789');
  });

  test('a throttled link passes everything, in pieces', async () => {
    const { port } = await echoServer();
    const proxy = await proxyTo(port);
    proxy.set({ ...healthyLink, bytesPerSecond: 100_000 });
    const socket = dial(proxy.port);
    let pieces = 0;
    socket.on('data', () => (pieces += 1));
    const received = receive(socket, 20_000);
    socket.write('x'.repeat(20_000));
    expect((await received).length).toBe(20_000);
    // 20 ms of 100,000 bytes a second are 2,000 bytes: one write can't come back in one read.
    expect(pieces).toBeGreaterThan(1);
  });

  test('refuses once the target is dead, before its peer hears of the end; open makes it listen again', async () => {
    const { server, port, sockets } = await echoServer();
    const proxy = await proxyTo(port);
    const near = proxy.port;
    const socket = dial(near);
    socket.write('1');
    await receive(socket, 1);
    const ended = closed(socket);
    server.close();
    sockets.forEach((one) => one.destroy());
    await ended;
    expect(await connectionError(near)).toBe('ECONNREFUSED');
    await echoServer(port);
    await proxy.open();
    const again = dial(near);
    again.write('2');
    expect(await receive(again, 1)).toBe('2');
  });

  test('what is left of an earlier life of the target does not close the door on the next one', async () => {
    const { server, port, sockets } = await echoServer();
    const proxy = await proxyTo(port);
    const socket = dial(proxy.port);
    socket.write('1');
    await receive(socket, 1);
    // Its process is killed, and told to start again before its connection here has been seen to end.
    server.close();
    proxy.refuse();
    await proxy.open();
    const ended = closed(socket);
    sockets.forEach((one) => one.destroy());
    await ended;
    expect(proxy.listening).toBe(true);
    await echoServer(port);
    const again = dial(proxy.port);
    again.write('2');
    expect(await receive(again, 1)).toBe('2');
  });
});
