import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { jest } from '@jest/globals';
import { requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import type { ListenerTls } from '../../src/index.ts';
import { alternativeNames } from '../../src/listeners/client-certificate.ts';
import { connectPacket, RawClient } from '../support/driver.ts';
import { ListeningBroker, receivedUntilClosed } from '../support/listening-broker.ts';
import { local, proxied } from '../support/proxy-headers.ts';

afterEach(() => ListeningBroker.stopAll());

/** Opens a TLS connection. `error` events become the end of the connection. */
function connect({ port, host }: ListeningBroker, options: ConnectionOptions = {}): TLSSocket {
  const socket = connectTls({ port, host, rejectUnauthorized: false, ...options });
  socket.on('error', () => undefined);
  return socket;
}

async function connectMqtt(broker: ListeningBroker, options: ConnectionOptions = {}): Promise<RawClient> {
  const client = new RawClient(connect(broker, options));
  client.send(connectPacket('c'));
  await client.next('connack');
  return client;
}

/** Sends CONNECT and returns what the server answered before it closed the connection. */
function answer(broker: ListeningBroker, options: ConnectionOptions): Promise<Buffer> {
  const socket = connect(broker, options);
  const received = receivedUntilClosed(socket);
  socket.write(Buffer.from([0x10, 13, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 0, 0, 1, 0x63]));
  return received;
}

test.each([
  ['', []],
  [
    'DNS:a.example, IP Address:192.0.2.1, email:b@c.example, URI:urn:d:e',
    ['a.example', 'b@c.example', 'urn:d:e'],
  ],
  ['DNS:"a, DNS:evil.example", DNS:b', ['a, DNS:evil.example', 'b']],
  ['URI:"x\\"y", DNS:b', ['x"y', 'b']],
  ['othername:<unsupported>, DNS:b', ['b']],
])('the alternative names of the certificate text %j are %j', (text, names) => {
  expect(alternativeNames(text)).toEqual(names);
});

requiring('openssl')('a TLS listener', () => {
  let directory: string;
  let authority: TestAuthority;
  let impostor: TestAuthority;
  let server: TestCertificate;
  let client: TestCertificate;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'listener-tls-'));
    authority = new TestAuthority(directory);
    impostor = new TestAuthority(directory, 'impostor');
    server = authority.issueServer('server', '127.0.0.1');
    client = authority.issue('client', { alternativeNames: 'email:c@example.org,DNS:c.example' });
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const tls = (change: Partial<ListenerTls> = {}): ListenerTls => ({
    key: server.key,
    cert: server.cert,
    clientCertificate: 'none',
    minVersion: 'TLSv1.2',
    ...change,
  });
  const mutual = (clientCertificate: ListenerTls['clientCertificate'], change: Partial<ListenerTls> = {}) =>
    tls({ clientCertificate, ca: authority.ca, ...change });
  const start = (options: ListenerTls): Promise<ListeningBroker> =>
    ListeningBroker.start({ kind: 'tls', tls: options });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('serves clients with %s', async (version) => {
    const broker = await start(tls());
    const served = await connectMqtt(broker, { minVersion: version, maxVersion: version });
    expect((served.stream as TLSSocket).getProtocol()).toBe(version);
    await served.subscribe(1, 'a', 1);
    served.publish('a', 'x'.repeat(200_000), { qos: 1, messageId: 2 });
    expect((await served.next('publish')).payload).toHaveLength(200_000);
    await served.disconnect();
  });

  test('refuses a version below its minimum', async () => {
    const broker = await start(tls({ minVersion: 'TLSv1.3' }));
    expect(await answer(broker, { maxVersion: 'TLSv1.2' })).toHaveLength(0);
    expect(broker.refusals('tls_handshake')).toBe(1);
    await connectMqtt(broker);
  });

  test.each(['optional', 'required'] as const)(
    'passes the names of a verified client certificate on (%s)',
    async (mode) => {
      const broker = await start(mutual(mode));
      await connectMqtt(broker, client);
      expect(broker.credentials).toMatchObject([
        { certificate: { commonName: 'client', alternativeNames: ['c@example.org', 'c.example'] } },
      ]);
    },
  );

  test('serves a client without a certificate if certificates are optional, but not if they are required', async () => {
    await connectMqtt(await start(mutual('optional')));
    const strict = await start(mutual('required'));
    expect(await answer(strict, {})).toHaveLength(0);
    await strict.refused(1);
    expect(strict.credentials).toEqual([]);
  });

  test('does not ask for a certificate that it would not check', async () => {
    const broker = await start(tls());
    await connectMqtt(broker, client);
    expect(broker.credentials[0]).not.toHaveProperty('certificate');
  });

  describe.each(['optional', 'required'] as const)(
    'with %s certificates refuses in the handshake',
    (mode) => {
      test.each<[string, () => TestCertificate]>([
        ['a certificate of another authority', () => impostor.issue('client')],
        ['an expired certificate', () => authority.issueExpired('expired')],
        ['a certificate that is not valid yet', () => authority.issueFuture('future')],
        [
          'a certificate that is permitted for servers only',
          () => authority.issue('server-only', { extendedKeyUsage: 'serverAuth' }),
        ],
      ])('%s', async (_name, issue) => {
        const broker = await start(mutual(mode));
        const { key, cert } = issue();
        expect(await answer(broker, { key, cert })).toHaveLength(0);
        await broker.refused(1);
        expect(broker.refusals('tls_handshake')).toBe(1);
        expect(broker.credentials).toEqual([]);
      });

      test('a revoked certificate', async () => {
        const revoked = authority.issue(`revoked-${mode}`);
        authority.revoke(revoked);
        const broker = await start(mutual(mode, { revocations: authority.revocations }));
        expect(await answer(broker, revoked)).toHaveLength(0);
        await broker.refused(1);
        expect(broker.credentials).toEqual([]);
        await connectMqtt(broker, client);
      });
    },
  );

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'resumes no session of a client with a certificate, so that each handshake checks the certificate (%s)',
    async (version) => {
      const broker = await start(mutual('required'));
      const versions = { minVersion: version, maxVersion: version };
      const first = connect(broker, { ...client, ...versions });
      let session: Buffer | undefined;
      first.on('session', (ticket: Buffer) => (session = ticket));
      const served = new RawClient(first);
      served.send(connectPacket('c'));
      await served.next('connack');
      await served.settle();
      session ??= first.getSession();
      const second = connect(broker, { ...versions, ...(session && { session }) });
      await receivedUntilClosed(second);
      expect(broker.credentials).toHaveLength(1);
      const third = connect(broker, { ...client, ...versions, ...(session && { session }) });
      const again = new RawClient(third);
      again.send(connectPacket('d'));
      await again.next('connack');
      expect(third.isSessionReused()).toBe(false);
    },
  );

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'resumes the session of a client if it asks for no certificate, which saves the signature (%s)',
    async (version) => {
      const broker = await start(tls());
      const versions = { minVersion: version, maxVersion: version };
      const first = connect(broker, versions);
      const ticket = once(first, 'session') as Promise<[Buffer]>;
      const served = new RawClient(first);
      served.send(connectPacket('c'));
      await served.next('connack');
      const [session] = await ticket;
      const second = connect(broker, { ...versions, session });
      const again = new RawClient(second);
      again.send(connectPacket('d'));
      await again.next('connack');
      expect(second.isSessionReused()).toBe(true);
    },
  );

  test('serves all clients of a burst, whose handshakes start in several turns', async () => {
    const broker = await start(tls());
    const sockets = Array.from({ length: 25 }, () => connect(broker));
    const clients = sockets.map((socket) => new RawClient(socket));
    clients.forEach((each, number) => each.send(connectPacket(`burst-${number}`)));
    await Promise.all(clients.map((each) => each.next('connack')));
    expect(broker.credentials).toHaveLength(25);
  });

  test('uses new certificates for new connections, and closes no open connection', async () => {
    const broker = await start(tls());
    const open = await connectMqtt(broker);
    const renewed = authority.issueServer('renewed', '127.0.0.1');
    broker.broker.updateTls('tested', tls({ key: renewed.key, cert: renewed.cert }));
    const later = connect(broker);
    await once(later, 'secureConnect');
    expect(later.getPeerCertificate().subject.CN).toBe('renewed');
    await open.settle();
    later.destroy();
  });

  test('refuses a client whose certificate a new revocation list contains, and closes its connection', async () => {
    const revoked = authority.issue('revoked-later');
    const broker = await start(mutual('required', { revocations: authority.revocations }));
    const open = await connectMqtt(broker, revoked);
    const kept = new RawClient(connect(broker, client));
    kept.send(connectPacket('kept'));
    await kept.next('connack');
    const closed = once(open.stream, 'close');
    authority.revoke(revoked);
    broker.broker.updateTls('tested', mutual('required', { revocations: authority.revocations }));
    await closed;
    expect(await answer(broker, revoked)).toHaveLength(0);
    await kept.settle();
    // As for a user that is disabled: the will is discarded.
    expect(broker.member.disconnects.map(({ graceful }) => graceful)).toEqual([true]);
    expect(broker.visibleLines.map(({ message }) => message)).toContain(
      'connections of clients closed: their certificates are revoked',
    );
  });

  test.each(['tls', 'wss'] as const)(
    'sends DISCONNECT with reason code 0x87 to a client whose certificate is revoked, and discards its will (%s)',
    async (kind) => {
      const revoked = authority.issue(`revoked-mqtt5-${kind}`);
      const options = mutual('required', { revocations: authority.revocations });
      const broker = await ListeningBroker.start({ kind, tls: options });
      const url = `${kind === 'tls' ? 'mqtts' : 'wss'}://${broker.host}:${broker.port}/mqtt`;
      const open = await mqtt.connectAsync(url, {
        ...{ key: revoked.key, cert: revoked.cert, rejectUnauthorized: false, reconnectPeriod: 0 },
        ...{ protocolVersion: 5, will: { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: false } },
      });
      const reasonCode = new Promise<number | undefined>((resolve) =>
        open.on('disconnect', ({ reasonCode }) => resolve(reasonCode)),
      );
      authority.revoke(revoked);
      broker.broker.updateTls('tested', mutual('required', { revocations: authority.revocations }));
      expect(await reasonCode).toBe(0x87);
      expect(broker.member.disconnects.map(({ graceful }) => graceful)).toEqual([true]);
      open.end(true);
    },
  );

  test('closes the connection of a client when the intermediate authority that only it presents is revoked', async () => {
    const intermediate = new TestAuthority(directory, 'intermediate', { issuer: authority });
    const { key, cert } = intermediate.issue('client');
    const files = (): ListenerTls =>
      mutual('required', { revocations: authority.revocationsWith(intermediate) });
    const broker = await start(files());
    const presented = { key, cert: `${cert}${intermediate.ca}` };
    const open = await connectMqtt(broker, presented);
    broker.broker.updateTls('tested', files());
    await open.settle();
    const closed = once(open.stream, 'close');
    authority.revoke({ certFile: intermediate.caFile, cert: intermediate.ca });
    broker.broker.updateTls('tested', files());
    await closed;
    expect(await answer(broker, presented)).toHaveLength(0);
    expect(broker.credentials).toHaveLength(1);
  });

  test('refuses a client whose authority has only an expired list, and keeps open connections', async () => {
    const late = new TestAuthority(directory, 'late');
    const certificate = late.issue('client');
    const files = (): ListenerTls => mutual('required', { ca: late.ca, revocations: late.revocations });
    const broker = await start(files());
    const open = await connectMqtt(broker, certificate);
    late.writeRevocationList({ nextUpdate: new Date(Date.now() - 60_000) });
    broker.broker.updateTls('tested', files());
    expect(await answer(broker, certificate)).toHaveLength(0);
    await open.settle();
    expect(broker.credentials).toHaveLength(1);
  });

  test('keeps the chain of each connection, and checks it in another turn than that of the update', async () => {
    const broker = await start(mutual('required'));
    const decoded = jest.spyOn(TLSSocket.prototype, 'getPeerCertificate');
    /** Number of calls that decode a whole chain. */
    const chains = (): number => decoded.mock.calls.filter(([detailed]) => detailed === true).length;
    const connectAll = (...names: string[]): Promise<RawClient[]> =>
      Promise.all(
        names.map(async (name) => {
          const each = new RawClient(connect(broker, client));
          each.send(connectPacket(name));
          await each.next('connack');
          return each;
        }),
      );
    const [first] = await connectAll('a', 'b', 'c');
    broker.broker.updateTls('tested', mutual('required'));
    await first!.settle();
    // Without lists nothing is decoded.
    expect(chains()).toBe(0);
    const endsOpen = jest.fn(() => false);
    const lists = { ...authority.revocations, endsOpen };
    broker.broker.updateTls('tested', mutual('required', { revocations: lists }));
    expect(endsOpen).not.toHaveBeenCalled();
    await until(() => endsOpen.mock.calls.length === 3);
    expect(chains()).toBe(3);
    await connectAll('d', 'e');
    expect(chains()).toBe(5);
    broker.broker.updateTls('tested', mutual('required', { revocations: lists }));
    await until(() => endsOpen.mock.calls.length === 8);
    // Only the three connections from the time without lists are decoded again.
    expect(chains()).toBe(8);
    decoded.mockRestore();
  });

  test('keeps its certificate if the key of a new one does not match', async () => {
    const broker = await start(tls());
    expect(() => broker.broker.updateTls('tested', tls({ key: client.key }))).toThrow(/key values mismatch/);
    await connectMqtt(broker);
  });

  test('cuts a stalled handshake, and counts it once', async () => {
    const broker = await ListeningBroker.start({ kind: 'tls', tls: tls() }, { handshakeMsMax: 50 });
    const silent = broker.connect();
    await receivedUntilClosed(silent);
    const partial = broker.connect();
    partial.write(Buffer.from([0x16, 3, 1]));
    await receivedUntilClosed(partial);
    expect(broker.refusals('timeout')).toBe(2);
    expect(broker.broker.counters().connectionsRefused).toBe(2);
  });

  test('counts and logs no probe that connects and closes without data', async () => {
    const broker = await start(tls());
    for (let probe = 0; probe < 3; probe++) {
      const socket = broker.connect();
      await once(socket, 'connect');
      socket.end();
      await receivedUntilClosed(socket);
    }
    const reset = broker.connect();
    await once(reset, 'connect');
    reset.resetAndDestroy();
    await connectMqtt(broker);
    await broker.broker.stop();
    expect(broker.broker.counters().connectionsRefused).toBe(0);
    expect(broker.visibleLines).toEqual([]);
  });

  test('reports a burst of failed handshakes in one line with their number', async () => {
    const broker = await start(tls());
    for (let attempt = 0; attempt < 50; attempt++) broker.connect().write('GET / HTTP/1.1\r\n\r\n');
    const cut = broker.connect();
    await once(cut, 'connect');
    cut.end(Buffer.from([0x16, 3, 1]));
    await broker.refused(51);
    await broker.broker.stop();
    expect(broker.refusals('tls_handshake')).toBe(51);
    expect(broker.visibleLines).toMatchObject([
      { level: 'warn', fields: { listener: 'tested', failures: 51, lastAddress: '127.0.0.1' } },
    ]);
  });

  test('reads the PROXY header before the handshake', async () => {
    const broker = await ListeningBroker.start({
      kind: 'tls',
      tls: mutual('required'),
      proxy: ['127.0.0.1'],
    });
    const socket = broker.connect();
    socket.write(proxied('192.0.2.7'));
    const secured = new RawClient(connectTls({ socket, ...client, rejectUnauthorized: false }));
    secured.send(connectPacket('c'));
    await secured.next('connack');
    expect(broker.credentials).toMatchObject([
      { address: '192.0.2.7', certificate: { commonName: 'client' } },
    ]);
    const probe = broker.connect();
    probe.end(local);
    await receivedUntilClosed(probe);
    await until(() => broker.broker.counters().connectionsRefused === 0);
  });

  test('does not start with a key of another certificate', async () => {
    await expect(start(tls({ key: client.key }))).rejects.toThrow(
      /^the key and certificates of the listener tested are unusable: .*key values mismatch/,
    );
  });
});
