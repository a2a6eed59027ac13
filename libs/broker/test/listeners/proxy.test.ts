import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connectPacket, RawClient } from '../support/driver.ts';
import { ListeningBroker, receivedUntilClosed } from '../support/listening-broker.ts';
import { local, proxied } from '../support/proxy-headers.ts';

const fromHere = { proxy: ['127.0.0.0/8', '::1'] };

afterEach(() => ListeningBroker.stopAll());

/** Sends a PROXY header and CONNECT in one segment, and waits for CONNACK. */
async function connectWith(broker: ListeningBroker, header: Buffer | string): Promise<RawClient> {
  const socket = broker.connect();
  const client = new RawClient(socket);
  socket.cork();
  socket.write(header);
  client.send(connectPacket('c'));
  socket.uncork();
  await client.next('connack');
  return client;
}

test.each<[string, Buffer | string, string]>([
  ['version 1', 'PROXY TCP4 192.0.2.7 192.0.2.1 56324 1883\r\n', '192.0.2.7'],
  ['version 1 and IPv6', 'PROXY TCP6 2001:db8::7 2001:db8::1 56324 1883\r\n', '2001:db8::7'],
  ['version 2', proxied('192.0.2.7'), '192.0.2.7'],
])('the address of a client behind a proxy is that of the header (%s)', async (_name, header, address) => {
  const broker = await ListeningBroker.start(fromHere);
  const client = await connectWith(broker, header);
  expect(broker.credentials).toMatchObject([{ address, listener: 'tested' }]);
  await client.subscribe(1, 'a', 0);
  await client.disconnect();
});

test('a client whose address the proxy does not know has no address, so that no rule for the proxy applies to it', async () => {
  const broker = await ListeningBroker.start(fromHere);
  await connectWith(broker, 'PROXY UNKNOWN\r\n');
  expect(broker.credentials).toMatchObject([{ address: '' }]);
});

test('a LOCAL connection has the address of the proxy', async () => {
  const broker = await ListeningBroker.start(fromHere);
  await connectWith(broker, local);
  expect(broker.credentials).toMatchObject([{ address: '127.0.0.1' }]);
});

test('a header that arrives byte by byte is accepted', async () => {
  const broker = await ListeningBroker.start(fromHere);
  const socket = broker.connect();
  for (const byte of proxied('192.0.2.7')) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const client = new RawClient(socket);
  client.send(connectPacket('c'));
  await client.next('connack');
  expect(broker.credentials).toMatchObject([{ address: '192.0.2.7' }]);
});

test('a listener with proxies refuses connections from other addresses, whatever they send', async () => {
  const broker = await ListeningBroker.start({ proxy: ['192.0.2.0/24', '127.0.0.2'] });
  const socket = broker.connect();
  socket.write(proxied('192.0.2.7'));
  expect(await receivedUntilClosed(socket)).toHaveLength(0);
  expect(broker.credentials).toEqual([]);
  expect(broker.refusals('proxy_header')).toBe(1);
});

test('a listener with proxies refuses a connection without a header', async () => {
  const broker = await ListeningBroker.start(fromHere);
  const client = new RawClient(broker.connect());
  client.send(connectPacket('c'));
  await client.closed;
  expect(client.packets).toEqual([]);
  expect(broker.refusals('proxy_header')).toBe(1);
});

test.each([
  ['version 1', 'PROXY TCP4 192.0.2.7 192.0.2.1 56324 1883\r\n'],
  ['version 2', proxied('192.0.2.7')],
])('a listener without proxies treats a header as a malformed packet (%s)', async (_name, header) => {
  const broker = await ListeningBroker.start({});
  const socket = broker.connect();
  socket.write(header);
  await receivedUntilClosed(socket);
  expect(broker.broker.counters().protocolErrors).toBe(1);
  expect(broker.credentials).toEqual([]);
});

test('a proxy that sends no whole header is cut, and counts once', async () => {
  const broker = await ListeningBroker.start(fromHere, { handshakeMsMax: 50 });
  const socket = broker.connect();
  socket.write(proxied('192.0.2.7').subarray(0, 20));
  await receivedUntilClosed(socket);
  expect(broker.broker.counters()).toMatchObject({ connectionsRefused: 1 });
  expect(broker.refusals('timeout')).toBe(1);
});

test('probes of a load balancer are no failures and cause no log line: a bare connection, and a LOCAL header', async () => {
  const broker = await ListeningBroker.start(fromHere);
  for (const bytes of [Buffer.alloc(0), local]) {
    const socket = broker.connect();
    await once(socket, 'connect');
    socket.end(bytes);
    await receivedUntilClosed(socket);
  }
  await broker.broker.stop();
  expect(broker.broker.counters()).toMatchObject({ connectionsRefused: 0, protocolErrors: 0 });
  expect(broker.visibleLines).toEqual([]);
});

test('a probe that has reset its connection before the listener accepts it is no failure', async () => {
  const broker = await ListeningBroker.start(fromHere);
  const { host, port } = broker;
  // While the other process runs, this one accepts no connection.
  const probe =
    `const socket = require('net').connect(${port}, '${host}', () => ` +
    `socket.write(Buffer.from('${local.toString('hex')}', 'hex'), () => socket.resetAndDestroy()));`;
  execFileSync(process.execPath, ['-e', probe]);
  // The listener accepts in the order of the connections, so the probe precedes this client.
  await connectWith(broker, proxied('192.0.2.7'));
  expect(broker.refusals('proxy_header')).toBe(0);
  expect(broker.visibleLines).toEqual([]);
});

test('the connect rate counts the address of the client, not that of the proxy', async () => {
  const broker = await ListeningBroker.start(fromHere, { connectsPerSecondMax: 1 });
  const attempts = Array.from({ length: 20 }, (_, number) => `192.0.2.${number}`);
  await Promise.all(attempts.map((address) => connectWith(broker, proxied(address))));
  expect(broker.credentials).toHaveLength(20);
  expect(broker.refusals('rate_limited')).toBe(0);
});
