import { connect, createServer, Socket } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { once } from 'node:events';
import { healthyLink, LinkProxy } from '../src/network/link-proxy.ts';

const host = '127.0.0.1';
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** Starts a server that sends back all data. */
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

/** Opens a connection to an echo server through a proxy, and waits until a byte has passed in both directions. */
async function connectThroughProxy(port: number): Promise<{ proxy: LinkProxy; socket: Socket }> {
  const proxy = await proxyTo(port);
  const socket = dial(proxy.port);
  socket.write('1');
  await receive(socket, 1);
  return { proxy, socket };
}

async function receive(socket: Socket, bytes: number): Promise<string> {
  let text = '';
  while (text.length < bytes) text += String((await once(socket, 'data'))[0]);
  return text;
}

/** Resolves when a socket closes. `events.once` would reject if the socket emitted an error before the close. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Resolves after 50 turns of the event loop, when all data that is on its way over loopback has arrived. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Returns the number of TCP connections that this process has open. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

async function connectionError(port: number): Promise<string> {
  const socket = connect(port, host);
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code ?? '';
}

describe('LinkProxy', () => {
  test('passes data in both directions', async () => {
    const proxy = await proxyTo((await echoServer()).port);
    const socket = dial(proxy.port);
    socket.write('hello');
    expect(await receive(socket, 5)).toBe('hello');
  });

  test('holds all data while the link is a blackhole, keeps connections open, and passes the data in order after the heal', async () => {
    const { port, sockets } = await echoServer();
    const { proxy, socket } = await connectThroughProxy(port);
    proxy.set({ ...healthyLink, mode: 'blackhole' });
    let received = 0;
    const echoed = once(sockets[0] as Socket, 'data').then(() => (received += 1));
    socket.write('23');
    await turns();
    expect(received).toBe(0);
    expect(socket.destroyed).toBe(false);
    proxy.set(healthyLink);
    expect(await receive(socket, 2)).toBe('23');
    await echoed;
  });

  test('holds only forward data while the forward direction is blocked, also on new connections, and loses no data', async () => {
    const { port, sockets } = await echoServer();
    const { proxy, socket } = await connectThroughProxy(port);
    proxy.set({ ...healthyLink, blocked: 'forward' });
    let received = 0;
    const echoed = once(sockets[0] as Socket, 'data').then(() => (received += 1));
    socket.write('23');
    // Data still passes from the server to its peer.
    sockets[0]?.write('x');
    expect(await receive(socket, 1)).toBe('x');
    const second = dial(proxy.port);
    second.write('4');
    while (sockets.length < 2) await turns();
    sockets[1]?.write('y');
    expect(await receive(second, 1)).toBe('y');
    expect(received).toBe(0);
    const rest = Promise.all([receive(socket, 2), receive(second, 1)]);
    proxy.set(healthyLink);
    expect(await rest).toEqual(['23', '4']);
    await echoed;
  });

  test('holds only backward data while the backward direction is blocked', async () => {
    const { port, sockets } = await echoServer();
    const { proxy, socket } = await connectThroughProxy(port);
    proxy.set({ ...healthyLink, blocked: 'backward' });
    let answered = 0;
    socket.once('data', () => (answered += 1));
    const arrived = once(sockets[0] as Socket, 'data');
    socket.write('2');
    await arrived;
    await turns();
    expect(answered).toBe(0);
    const rest = receive(socket, 1);
    proxy.set(healthyLink);
    expect(await rest).toBe('2');
  });

  test('passes on the close of the target connection in a blackhole only after the heal', async () => {
    const { port, sockets } = await echoServer();
    const { proxy, socket } = await connectThroughProxy(port);
    proxy.set({ ...healthyLink, mode: 'blackhole' });
    const serverSide = sockets[0] as Socket;
    serverSide.destroy();
    await turns();
    expect(socket.destroyed).toBe(false);
    const ended = closed(socket);
    proxy.set(healthyLink);
    await ended;
  });

  test('after the heal, completes a connection that was opened while the link was a blackhole', async () => {
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

  test('resets old and new connections while the link is cut', async () => {
    const { proxy, socket } = await connectThroughProxy((await echoServer()).port);
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

  test('leaves no open socket when it is closed while it passes on the end of a connection', async () => {
    await turns();
    const before = openSockets();
    const { port, sockets } = await echoServer();
    const { proxy, socket } = await connectThroughProxy(port);
    const { destroySoon } = Socket.prototype;
    const restore = (): void => void (Socket.prototype.destroySoon = destroySoon);
    cleanups.push(restore);
    // The proxy closes in the turn of the event loop in which it ends the connection to the target.
    Socket.prototype.destroySoon = function (this: Socket) {
      restore();
      destroySoon.call(this);
      proxy.close();
    };
    const ended = Promise.all([socket, ...sockets].map((open) => closed(open.resume())));
    socket.end();
    await ended;
    await turns();
    expect(openSockets()).toBeLessThanOrEqual(before);
  });

  test('keeps the order of delayed data', async () => {
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
    const echoed = receive(socket, 10);
    for (const digit of '0123456789') {
      socket.write(digit);
      await turns();
    }
    expect(await echoed).toBe('0123456789');
  });

  test('passes all data in small pieces while the link is throttled', async () => {
    const { port } = await echoServer();
    const proxy = await proxyTo(port);
    proxy.set({ ...healthyLink, bytesPerSecond: 100_000 });
    const socket = dial(proxy.port);
    let pieces = 0;
    socket.on('data', () => (pieces += 1));
    const echoed = receive(socket, 20_000);
    socket.write('x'.repeat(20_000));
    expect((await echoed).length).toBe(20_000);
    // 20 ms at 100,000 bytes a second are 2,000 bytes: one write needs several reads.
    expect(pieces).toBeGreaterThan(1);
  });

  test('refuses new connections before it closes the connections of an ended target, and listens again after a call of open', async () => {
    const { server, port, sockets } = await echoServer();
    const { proxy, socket } = await connectThroughProxy(port);
    const near = proxy.port;
    const ended = closed(socket);
    server.close();
    sockets.forEach((open) => open.destroy());
    await ended;
    expect(await connectionError(near)).toBe('ECONNREFUSED');
    await echoServer(port);
    await proxy.open();
    const second = dial(near);
    second.write('2');
    expect(await receive(second, 1)).toBe('2');
  });

  test('keeps listening after a call of open, although an old connection of the killed target ends later', async () => {
    const { server, port, sockets } = await echoServer();
    const { proxy, socket } = await connectThroughProxy(port);
    // The target is killed and restarted before the proxy notices the end of its connection.
    server.close();
    proxy.refuse();
    await proxy.open();
    const ended = closed(socket);
    sockets.forEach((open) => open.destroy());
    await ended;
    expect(proxy.listening).toBe(true);
    await echoServer(port);
    const second = dial(proxy.port);
    second.write('2');
    expect(await receive(second, 1)).toBe('2');
  });
});
