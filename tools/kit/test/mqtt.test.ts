import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { acknowledgesPublish, exchange, findProgram, MqttConnection } from '../src/index.ts';
import type { ConnectionEnd, ConnectionOptions, ServerAddress } from '../src/index.ts';

type Respond = (packet: Packet, send: (packet: Packet) => void, socket: Socket) => void;

const connack = (returnCode = 0): Packet => ({ cmd: 'connack', returnCode, sessionPresent: false });
let server: Server;
let received: Packet[];
let sockets: Socket[];

/** Starts a server that calls `respond` for each received packet. */
async function serve(respond: Respond, tls?: { key: Buffer; cert: Buffer }): Promise<ServerAddress> {
  received = [];
  sockets = [];
  const onSocket = (socket: Socket): void => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    const packets = parser();
    packets.on('packet', (packet: Packet) => {
      received.push(packet);
      respond(packet, (answer) => void socket.write(generate(answer)), socket);
    });
    socket.on('data', (data) => packets.parse(data as Buffer));
  };
  server = tls ? createTlsServer(tls, onSocket) : createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { id: 's', host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** Connects and resolves with the way in which the connection ends. */
function endOf(address: ServerAddress, options: Partial<ConnectionOptions> = {}): Promise<ConnectionEnd> {
  return new Promise((resolve) => {
    new MqttConnection({
      server: address,
      version: 4,
      makeConnect: () => ({ cmd: 'connect', clientId: 'c', keepalive: 10, clean: true }),
      handlers: { onConnected: () => undefined, onPacket: () => undefined, onEnded: resolve },
      ...options,
    });
  });
}

describe('MqttConnection', () => {
  it('reports a refused connection with its CONNACK code [3.1.1 MQTT-3.2.2-5]', async () => {
    const address = await serve((_packet, send) => send(connack(5)));
    expect(await endOf(address)).toEqual({ how: 'server', code: 5, why: 'refused with CONNACK code 5' });
  });

  it('reports a packet before CONNACK as an error of the server [3.1.1 MQTT-3.2.0-1]', async () => {
    const address = await serve((_packet, send) => send({ cmd: 'pingresp' }));
    expect(await endOf(address)).toMatchObject({
      how: 'server',
      why: 'pingresp before CONNACK [MQTT-3.2.0-1]',
    });
  });

  it('reports a malformed packet as an error of the server', async () => {
    const address = await serve((_packet, _send, socket) => void socket.write(Buffer.from([0xf1, 0x00])));
    expect(await endOf(address)).toMatchObject({
      how: 'server',
      why: expect.stringMatching(/^malformed packet/),
    });
  });

  it('reports that the server closed the connection', async () => {
    const address = await serve((_packet, send, socket) => {
      send(connack());
      socket.end();
    });
    expect(await endOf(address)).toEqual({ how: 'server', why: 'closed' });
  });

  it('sends PINGREQ to a server that sends nothing, and closes the connection if the server still sends nothing', async () => {
    const address = await serve(({ cmd }, send) => {
      if (cmd === 'connect') send(connack());
    });
    const end = await endOf(address, { silenceMsMax: 600, pingAfterSilenceMs: 100 });
    expect(end).toEqual({ how: 'lost', why: 'silent' });
    expect(received.map(({ cmd }) => cmd)).toContain('pingreq');
  });

  it('reports the connection as lost if no server listens at the address', async () => {
    const address = await serve(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    expect(await endOf(address)).toMatchObject({ how: 'lost', why: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('exchange', () => {
  it('returns the result of its handlers and sends DISCONNECT', async () => {
    const address = await serve(({ cmd }, send) => {
      if (cmd === 'connect') send({ cmd: 'connack', returnCode: 0, sessionPresent: true });
      if (cmd === 'publish') send({ cmd: 'puback', messageId: 1 });
    });
    const options = { server: address, clientId: 'c', timeoutMs: 60_000, clean: false };
    const disconnected = new Promise<void>((resolve) =>
      server.on('connection', (socket) => socket.on('end', resolve)),
    );
    expect(await acknowledgesPublish(options, 'probe')).toBe(true);
    await disconnected;
    expect(received.map(({ cmd }) => cmd)).toEqual(['connect', 'publish', 'disconnect']);
    expect(received[0]).toMatchObject({ clientId: 'c', clean: false });
  });

  it('returns null after the timeout or when the server closes the connection', async () => {
    const address = await serve((_packet, _send, socket) => {
      if (sockets.length > 1) socket.end();
    });
    const visit = (timeoutMs: number): Promise<true | null> =>
      exchange<true>({ server: address, clientId: 'c', timeoutMs }, (_send, finish) => ({
        onConnected: () => finish(true),
        onPacket: () => undefined,
      }));
    expect(await visit(100)).toBeNull();
    expect(await visit(60_000)).toBeNull();
  });
});

const describeWithOpenssl = findProgram('openssl') === null ? describe.skip : describe;

describeWithOpenssl('a connection with TLS', () => {
  let folder: string;
  let key: Buffer;
  let cert: Buffer;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kit-tls-'));
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-days',
          '2',
        ],
        ...['-subj', '/CN=s', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'key', '-out', 'cert'],
      ],
      { cwd: folder, stdio: 'pipe' },
    );
    key = readFileSync(join(folder, 'key'));
    cert = readFileSync(join(folder, 'cert'));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const acknowledge: Respond = (packet, send) => {
    if (packet.cmd === 'connect') send(connack());
    if (packet.cmd === 'publish') send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
  };

  it('checks the certificate of the server and presents user name and password', async () => {
    const address = await serve(acknowledge, { key, cert });
    const access = { ca: cert.toString(), userName: 'load', password: 'secret' };
    const options = { server: { ...address, access }, clientId: 'c', timeoutMs: 10_000 };
    expect(await acknowledgesPublish(options, 't')).toBe(true);
    expect(received[0]).toMatchObject({ cmd: 'connect', username: 'load', password: Buffer.from('secret') });
  });

  it('sends nothing to a server whose certificate is of another authority', async () => {
    const address = await serve(acknowledge, { key, cert });
    const end = await endOf({ ...address, access: { ca: '', userName: 'load', password: 'secret' } });
    expect(end.how).toBe('lost');
    expect(received).toEqual([]);
  });

  it('is reset by abandon like a connection without TLS', async () => {
    const address = await serve(acknowledge, { key, cert });
    const reason = new Promise((resolve) => {
      server.once('secureConnection', (socket: Socket) => {
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
        socket.once('close', () => resolve('closed'));
      });
    });
    const connection = new MqttConnection({
      server: { ...address, access: { ca: cert.toString() } },
      version: 4,
      makeConnect: () => ({ cmd: 'connect', clientId: 'c', keepalive: 10, clean: true }),
      handlers: {
        onConnected: () => connection.abandon(),
        onPacket: () => undefined,
        onEnded: () => undefined,
      },
    });
    expect(await reason).toBe('ECONNRESET');
  });
});
