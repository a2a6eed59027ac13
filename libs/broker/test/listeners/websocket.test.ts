import { once } from 'node:events';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requiring, TestAuthority, turnsUntil, until } from '@mqtt-cluster/testing';
import { generate } from 'mqtt-packet';
import mqtt from 'mqtt';
import { createWebSocketStream, WebSocket } from 'ws';
import type { ClientOptions } from 'ws';
import type { ListenerOptions } from '../../src/index.ts';
import { isAllowedOrigin } from '../../src/listeners/origin-check.ts';
import { connectPacket, RawClient } from '../support/driver.ts';
import { ListeningBroker, receivedUntilClosed } from '../support/listening-broker.ts';
import { proxied } from '../support/proxy-headers.ts';

afterEach(() => ListeningBroker.stopAll());

const start = (change: Partial<ListenerOptions> = {}): Promise<ListeningBroker> =>
  ListeningBroker.start({ kind: 'ws', ...change });

function open(
  broker: ListeningBroker,
  options: ClientOptions = {},
  subprotocols = ['mqtt'],
  path = '/mqtt',
): WebSocket {
  const socket = new WebSocket(`ws://${broker.host}:${broker.port}${path}`, subprotocols, options);
  socket.on('error', () => undefined);
  return socket;
}

/** Returns an MQTT client over a WebSocket. Like a TCP socket, its stream ends when the server closes it. */
function clientOf(socket: WebSocket): RawClient {
  return new RawClient(createWebSocketStream(socket, { allowHalfOpen: false }));
}

async function connectMqtt(
  broker: ListeningBroker,
  socket = open(broker),
  clientId = 'c',
): Promise<RawClient> {
  const client = clientOf(socket);
  client.send(connectPacket(clientId));
  await client.next('connack');
  return client;
}

/** Returns the HTTP status with which the server refuses a WebSocket. */
async function refusal(socket: WebSocket): Promise<number> {
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    { statusCode: number; resume(): void },
  ];
  response.resume();
  return response.statusCode;
}

test('a client receives what it publishes, also packets above the size of one frame of the network', async () => {
  const broker = await start();
  const client = await connectMqtt(broker);
  expect(broker.credentials).toMatchObject([{ address: '127.0.0.1', listener: 'tested' }]);
  await client.subscribe(1, 'a', 1);
  for (let messageId = 1; messageId <= 20; messageId++)
    client.publish('a', 'x'.repeat(200_000), { qos: 1, messageId });
  for (let count = 0; count < 20; count++) {
    const { messageId = 0, payload } = await client.next('publish');
    expect(payload).toHaveLength(200_000);
    client.send({ cmd: 'puback', messageId });
  }
  await client.disconnect();
});

test('the server closes the connection of a client that sends a text frame [3.1.1 MQTT-6.0.0-1] [5.0 MQTT-6.0.0-1]', async () => {
  const broker = await start();
  const socket = open(broker);
  const client = await connectMqtt(broker, socket);
  await client.subscribe(1, 'a', 0);
  // All bytes of this packet are characters of ASCII, so the text frame contains exactly the packet.
  const packet = generate({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false });
  socket.send(packet.toString('latin1'));
  await client.closed;
  expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'suback']);
});

test('the server sends binary frames only [3.1.1 MQTT-6.0.0-1] [5.0 MQTT-6.0.0-1]', async () => {
  const broker = await start();
  const socket = open(broker);
  const kinds: boolean[] = [];
  socket.on('message', (_data, isBinary) => kinds.push(isBinary));
  const client = await connectMqtt(broker, socket);
  await client.subscribe(1, 'a', 0);
  expect(kinds).toEqual([true, true]);
});

test('several packets in one frame take effect in their order [3.1.1 MQTT-6.0.0-2] [5.0 MQTT-6.0.0-2]', async () => {
  const broker = await start();
  const socket = open(broker);
  const client = clientOf(socket);
  await once(socket, 'open');
  socket.send(
    Buffer.concat([
      generate(connectPacket('c')),
      generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] }),
      generate({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false }),
    ]),
  );
  await client.next('publish');
  expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'suback', 'publish']);
});

test('a packet may span frames and fragments of frames [3.1.1 MQTT-6.0.0-2] [5.0 MQTT-6.0.0-2]', async () => {
  const broker = await start();
  const socket = open(broker);
  const client = clientOf(socket);
  await once(socket, 'open');
  for (const byte of generate(connectPacket('c'))) socket.send(Buffer.from([byte]));
  await client.next('connack');
  const packet = generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] });
  for (const [index, byte] of packet.entries())
    socket.send(Buffer.from([byte]), { binary: true, fin: index === packet.length - 1 });
  await client.next('suback');
});

test('the server selects the subprotocol mqtt [3.1.1 MQTT-6.0.0-4] [5.0 MQTT-6.0.0-4]', async () => {
  const broker = await start();
  const socket = open(broker, {}, ['other', 'mqttv3.1', 'mqtt']);
  await once(socket, 'open');
  expect(socket.protocol).toBe('mqtt');
  const old = open(broker, {}, ['mqttv3.1']);
  await once(old, 'open');
  expect(old.protocol).toBe('mqttv3.1');
});

test('the server refuses a client that does not offer the subprotocol mqtt [3.1.1 MQTT-6.0.0-3] [5.0 MQTT-6.0.0-3]', async () => {
  const broker = await start();
  expect(await refusal(open(broker, {}, ['other']))).toBe(400);
  expect(await refusal(open(broker, {}, []))).toBe(400);
  expect(broker.refusals('websocket_upgrade')).toBe(2);
});

test('the server refuses another path than that of the listener', async () => {
  const broker = await start({ path: '/m' });
  expect(await refusal(open(broker))).toBe(404);
  await connectMqtt(broker, open(broker, {}, ['mqtt'], '/m?token=1'));
});

test('a plain HTTP request gets an answer, and its connection ends', async () => {
  const broker = await start();
  const { host, port } = broker;
  const answers = await Promise.all(
    ['/mqtt', '/'].map(async (path) => {
      const sent = request({ host, port, path }).end();
      const [response] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }];
      response.resume();
      await once(sent, 'close');
      return response.statusCode;
    }),
  );
  expect(answers).toEqual([426, 404]);
  const garbage = broker.connect();
  garbage.write('no HTTP\r\n\r\n');
  expect((await receivedUntilClosed(garbage)).toString()).toMatch(/^HTTP\/1\.1 400 /);
  expect(broker.refusals('websocket_upgrade')).toBe(3);
});

test.each([
  ['no page', undefined, [], true],
  ['a page of the same host and port', 'http://127.0.0.1:8083', [], true],
  ['a page of another host', 'http://evil.example', [], false],
  ['a page of another port', 'http://127.0.0.1:8084', [], false],
  ['an opaque page', 'null', [], false],
  ['a listed origin', 'https://a.example', ['https://a.example/'], true],
  ['another origin than the listed ones', 'http://a.example', ['https://a.example'], false],
  ['the own host, which is not listed', 'http://127.0.0.1:8083', ['https://a.example'], false],
  ['an origin that starts like a listed one', 'https://a.example.evil.example', ['https://a.example'], false],
  ['any origin, if all are permitted', 'null', ['*'], true],
])('a WebSocket of %s is permitted or refused by its origin', (_name, origin, allowed, expected) => {
  const headers = { host: '127.0.0.1:8083', ...(origin !== undefined && { origin }) };
  expect(isAllowedOrigin(headers, allowed)).toBe(expected);
});

test('a page in a browser connects only from the permitted origins', async () => {
  const broker = await start({ origins: ['https://a.example'] });
  expect(await refusal(open(broker, { origin: 'https://evil.example' }))).toBe(403);
  await connectMqtt(broker, open(broker, { origin: 'https://a.example' }));
  const strict = await start();
  expect(await refusal(open(strict, { origin: 'https://a.example' }))).toBe(403);
});

test('the server does not compress, although the client offers it', async () => {
  const broker = await start();
  const socket = open(broker, { perMessageDeflate: true });
  await once(socket, 'open');
  expect(socket.extensions).toBe('');
});

test('a message above the bound closes the connection, and one of many small packets does not', async () => {
  const broker = await ListeningBroker.start({ kind: 'ws' }, { packetBytesMax: 1_024 });
  const socket = open(broker);
  const client = await connectMqtt(broker, socket);
  const ping = generate({ cmd: 'pingreq' });
  socket.send(Buffer.concat(Array.from({ length: 4_096 / ping.length }, () => ping)));
  for (let count = 0; count < 4_096 / ping.length; count++) await client.next('pingresp');
  socket.send(Buffer.alloc(4_097, ping));
  await client.closed;
});

test('a client that does not read its WebSocket is disconnected as a slow consumer', async () => {
  const broker = await ListeningBroker.start({ kind: 'ws' }, { outgoingBytesMax: 100_000, stalledMsMax: 1 });
  const socket = open(broker);
  const client = await connectMqtt(broker, socket);
  await client.subscribe(1, 'a', 0);
  socket.pause();
  const publisher = await connectMqtt(broker, open(broker), 'publisher');
  await turnsUntil(
    () => broker.broker.counters().slowConsumers > 0,
    () => publisher.publish('a', 'x'.repeat(50_000)),
  );
});

test('the answers to the pings of a client that does not read have a bound', async () => {
  const broker = await start();
  const socket = open(broker, { autoPong: false });
  const client = await connectMqtt(broker, socket);
  let pongs = 0;
  socket.on('pong', () => pongs++);
  socket.pause();
  const pings = 200_000;
  // 200,000 answers of 100 bytes exceed what the kernel and the server hold.
  for (let count = 0; count < pings; count++) socket.ping(Buffer.alloc(100));
  await turnsUntil(() => socket.bufferedAmount === 0);
  socket.resume();
  await client.settle();
  expect(pongs).toBeGreaterThan(0);
  expect(pongs).toBeLessThan(pings);
});

test('a paused client does not make the server read on', async () => {
  const broker = await ListeningBroker.start({ kind: 'ws' }, { publishesPerSecondMax: 1 });
  const socket = open(broker);
  await connectMqtt(broker, socket);
  const packet = generate({
    cmd: 'publish',
    topic: 'a',
    payload: 'x'.repeat(10_000),
    qos: 0,
    retain: false,
    dup: false,
  });
  for (let count = 0; count < 5_000; count++) socket.send(packet);
  await until(() => broker.broker.counters().publishPauses > 0);
  // Without back pressure the server would read everything during these round trips of another client.
  const other = await connectMqtt(broker, open(broker), 'other');
  for (let round = 0; round < 300; round++) await other.settle();
  expect(socket.bufferedAmount).toBeGreaterThan(10_000_000);
});

test('packets that a client sends before its CONNACK and its close frame take effect', async () => {
  const broker = await start();
  const watcher = await connectMqtt(broker);
  await watcher.subscribe(1, 'a', 0);
  const socket = open(broker);
  await once(socket, 'open');
  socket.send(generate(connectPacket('short')));
  socket.send(generate({ cmd: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false }));
  socket.close();
  await watcher.next('publish');
});

test('a stalled request is cut, and counts once', async () => {
  const broker = await ListeningBroker.start({ kind: 'ws' }, { handshakeMsMax: 50 });
  const socket = broker.connect();
  socket.write('GET /mqtt HTTP/1.1\r\nHost: a\r\n');
  expect(await receivedUntilClosed(socket)).toHaveLength(0);
  expect(broker.refusals('timeout')).toBe(1);
  expect(broker.broker.counters().connectionsRefused).toBe(1);
});

test('headers above their bound are refused', async () => {
  const broker = await start();
  const socket = broker.connect();
  socket.write(`GET /mqtt HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}`);
  await receivedUntilClosed(socket);
  expect(broker.refusals('websocket_upgrade')).toBe(1);
});

test('a probe that connects and closes is no failure and causes no log line', async () => {
  const broker = await start();
  const socket = broker.connect();
  await once(socket, 'connect');
  socket.end();
  await receivedUntilClosed(socket);
  await broker.broker.stop();
  expect(broker.broker.counters().connectionsRefused).toBe(0);
  expect(broker.visibleLines).toEqual([]);
});

test('the PROXY header is read before the request', async () => {
  const broker = await start({ proxy: ['127.0.0.1'] });
  const createConnection = (): Duplex => {
    const socket = broker.connect();
    socket.write(proxied('192.0.2.7'));
    return socket;
  };
  await connectMqtt(broker, open(broker, { createConnection } as unknown as ClientOptions));
  expect(broker.credentials).toMatchObject([{ address: '192.0.2.7' }]);
});

requiring('openssl')('a secure WebSocket listener', () => {
  let directory: string;
  let authority: TestAuthority;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'listener-wss-'));
    authority = new TestAuthority(directory);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  test('serves MQTT.js with a client certificate, in both protocol versions', async () => {
    const { key, cert } = authority.issueServer('server', '127.0.0.1');
    const tls = {
      key,
      cert,
      ca: authority.ca,
      clientCertificate: 'required',
      minVersion: 'TLSv1.2',
    } as const;
    const broker = await start({ kind: 'wss', tls });
    const user = authority.issue('user');
    for (const protocolVersion of [4, 5] as const) {
      const client = await mqtt.connectAsync(`wss://127.0.0.1:${broker.port}/mqtt`, {
        protocolVersion,
        ca: authority.ca,
        key: user.key,
        cert: user.cert,
        reconnectPeriod: 0,
      });
      const received = new Promise<string>((resolve) =>
        client.once('message', (_topic, payload) => resolve(payload.toString())),
      );
      await client.subscribeAsync('a', { qos: 1 });
      await client.publishAsync('a', 'x'.repeat(100_000), { qos: 1 });
      expect(await received).toHaveLength(100_000);
      await client.endAsync();
    }
    expect(broker.credentials).toMatchObject([
      { certificate: { commonName: 'user' } },
      { certificate: { commonName: 'user' } },
    ]);
  });

  test('refuses MQTT.js without a client certificate in the handshake', async () => {
    const { key, cert } = authority.issueServer('server', '127.0.0.1');
    const tls = {
      key,
      cert,
      ca: authority.ca,
      clientCertificate: 'required',
      minVersion: 'TLSv1.2',
    } as const;
    const broker = await start({ kind: 'wss', tls });
    const url = `wss://127.0.0.1:${broker.port}/mqtt`;
    await expect(mqtt.connectAsync(url, { ca: authority.ca, reconnectPeriod: 0 }, false)).rejects.toThrow();
    await broker.refused(1);
    expect(broker.credentials).toEqual([]);
  });
});
