import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import { createFailoverClient } from '../src/index.ts';
import type { FailoverClientOptions } from '../src/index.ts';
import { createTestClient, startServer, stopAll } from './support/test-client.ts';

afterEach(stopAll);

/** Returns a logger that records its errors. */
function recordingLogger(): { readonly logger: Logger; readonly errors: Record<string, unknown>[] } {
  const errors: Record<string, unknown>[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: (fields) => void errors.push(fields as Record<string, unknown>),
    child: () => logger,
  };
  return { logger, errors };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

requiring('openssl')('a client with certificates', () => {
  let directory: string;
  let authority: TestAuthority;
  let server: TestCertificate;
  let user: TestCertificate;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'failover-client-'));
    authority = new TestAuthority(directory);
    server = authority.issueServer('server', '127.0.0.1');
    user = authority.issue('boiler-7');
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const serverTls = (certificate = server): object => ({ key: certificate.key, cert: certificate.cert });
  const ca = (): { ca: string } => ({ ca: authority.ca });

  test.each([false, true])('publishes over TLS (WebSocket: %s)', async (webSocket) => {
    const fake = await startServer({ tls: serverTls(), webSocket });
    const { client } = createTestClient([fake], { tls: ca() });
    await client.start();
    await client.publish('t', 'x'.repeat(100_000), { qos: 1 });
    expect(fake.packets('publish')).toHaveLength(1);
  });

  test('publishes over a plain WebSocket', async () => {
    const fake = await startServer({ webSocket: true });
    const { client } = createTestClient([fake]);
    await client.start();
    await client.publish('t', '1', { qos: 2 });
    expect(fake.packets('publish')).toHaveLength(1);
  });

  test('reports a wrong path of a WebSocket once, and retries', async () => {
    const fake = await startServer({ webSocket: true });
    const { logger, errors } = recordingLogger();
    const { client } = createTestClient([fake], {
      servers: [{ url: fake.url.replace('/mqtt', '/wrong') }],
      logger,
    });
    await client.start();
    await until(() => client.status().refusedAttempts > 3);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.['reason']).toContain('Unexpected server response: 400');
  });

  test('presents its certificate, and uses a renewed certificate for the next connection', async () => {
    const names: string[] = [];
    const fake = await startServer({
      tls: {
        ...serverTls(),
        ...ca(),
        requestCert: true,
        SNICallback: (_name, done) => done(null),
      },
    });
    let certificate = user;
    const { client, next } = createTestClient([fake], {
      tls: () => ({ ...ca(), key: certificate.key, cert: certificate.cert }),
      onConnect: () => {
        const [socket] = [...fake.sockets] as unknown as {
          getPeerCertificate(): { subject: { CN: string } };
        }[];
        names.push(socket!.getPeerCertificate().subject.CN);
      },
    });
    await client.start();
    await until(() => names.length === 1);
    certificate = authority.issue('boiler-8');
    const lost = next('disconnect');
    for (const socket of fake.sockets) socket.destroy();
    await lost;
    await until(() => names.length === 2);
    expect(names).toEqual(['boiler-7', 'boiler-8']);
  });

  const wrongServers: readonly (readonly [string, () => TestCertificate, string])[] = [
    [
      'has another name',
      () => authority.issue('other', { alternativeNames: 'DNS:other.test' }),
      'does not match',
    ],
    ['has expired', () => authority.issueExpired('old', { alternativeNames: 'IP:127.0.0.1' }), 'expired'],
    ['is of another authority', () => foreign().issueServer('server', '127.0.0.1'), 'certificate'],
  ];
  let foreignAuthority: TestAuthority | null = null;
  const foreign = (): TestAuthority => (foreignAuthority ??= new TestAuthority(directory, 'foreign'));

  test.each(wrongServers)(
    'refuses a server whose certificate %s: one error, and no password leaves the client',
    async (_text, issue, words) => {
      const fake = await startServer({ tls: serverTls(issue()) });
      const { logger, errors } = recordingLogger();
      const { client } = createTestClient([fake], { tls: ca(), username: 'u', password: 'p', logger });
      await client.start();
      await until(() => client.status().refusedAttempts > 2);
      expect(fake.packets('connect')).toEqual([]);
      expect(errors).toHaveLength(1);
      expect(errors[0]?.['reason']).toContain(words);
    },
  );

  test('accepts a certificate with another name if serverName is that name, or if checkServerName is false', async () => {
    const other = authority.issue('m1', { alternativeNames: 'DNS:m1' });
    for (const change of [{ serverName: 'm1' }, { checkServerName: false }]) {
      const fake = await startServer({ tls: serverTls(other) });
      const { client } = createTestClient([fake], { tls: { ...ca(), ...change } });
      await client.start();
      await client.connected();
    }
  });

  test.each<readonly [string, Partial<FailoverClientOptions>]>([
    ['no server uses TLS', { servers: [{ url: 'mqtt://a' }], tls: { checkServerName: false } }],
    ['cert and key must be set together', { servers: [{ url: 'mqtts://a' }], tls: { cert: 'x' } }],
    [
      'the certificates or the key are unusable',
      { servers: [{ url: 'mqtts://a' }], tls: { cert: 'x', key: 'y' } },
    ],
    ['credentials: excludes', { servers: [{ url: 'mqtts://a' }], credentials: () => ({}), password: 'p' }],
    [
      'MQTT 3.1.1 requires a username',
      { servers: [{ url: 'mqtts://a' }], protocolVersion: 4, password: 'p' },
    ],
  ])('rejects wrong options with one error: %s', (words, options) => {
    const create = (): unknown => createFailoverClient({ clientId: 'c', servers: [], ...options });
    expect(create).toThrow(words);
  });

  test('follows no Server Reference to a server without TLS', async () => {
    const plain = await startServer();
    const moved = { reasonCode: 0x9c, properties: { serverReference: plain.url } };
    const fake = await startServer({ tls: serverTls(), connack: () => moved });
    const { client } = createTestClient([fake], { tls: ca() });
    await client.start();
    await until(() => client.status().failedAttempts > 2);
    expect(plain.packetLog).toEqual([]);
  });
});

describe('a client with credentials', () => {
  test('sends user name and password, and a token that was renewed meanwhile with the next connection', async () => {
    const fake = await startServer();
    let token = 'first';
    const { client, next } = createTestClient([fake], {
      credentials: () => ({ username: 'boiler', password: token }),
    });
    await client.start();
    await client.connected();
    token = 'second';
    const connected = next('connect');
    for (const socket of fake.sockets) socket.destroy();
    await connected;
    const sent = fake.packets('connect').map(({ username, password }) => [username, String(password)]);
    expect(sent).toEqual([
      ['boiler', 'first'],
      ['boiler', 'second'],
    ]);
  });

  test.each([
    [5, 0x86],
    [5, 0x87],
    [4, 4],
    [4, 5],
  ] as const)(
    'of MQTT %s that is refused with code %s logs one error and waits longer each time',
    async (version, code) => {
      let times: number[] = [];
      const fake = await startServer({
        version,
        connack: () => {
          times.push(performance.now());
          return version === 5 ? { reasonCode: code } : { returnCode: code };
        },
      });
      const { logger, errors } = recordingLogger();
      const { client } = createTestClient([fake], {
        protocolVersion: version,
        session: 'none',
        username: 'u',
        password: 'wrong',
        logger,
        random: () => 0,
        timings: { retryDelayMsMin: 0, retryDelayMsMax: 0, refusedDelayMsMin: 40, refusedDelayMsMax: 160 },
      });
      await client.start();
      await until(() => times.length === 4);
      times = times.slice(0, 4);
      expect(errors).toMatchObject([{ attempts: 1 }]);
      // Timers never fire early, so the gaps have lower bounds: half of 40, 80 and 160 ms.
      const gaps = times.slice(1).map((time, index) => time - times[index]!);
      expect(gaps.map((gap, index) => gap >= [19, 39, 79][index]!)).toEqual([true, true, true]);
    },
  );

  test('tries the other servers at once when one server refuses it', async () => {
    const refusing = await startServer({ connack: () => ({ reasonCode: 0x86 }) });
    const accepting = await startServer();
    const { client } = createTestClient([refusing, accepting], {
      timings: { refusedDelayMsMin: 60_000, refusedDelayMsMax: 60_000 },
    });
    await client.start();
    await client.connected();
    expect(accepting.packets('connect')).toHaveLength(1);
  });

  test('whose token cannot be read reports this once, sends no CONNECT, and connects when the token is there', async () => {
    const fake = await startServer();
    let isThere = false;
    const { logger, errors } = recordingLogger();
    const { client } = createTestClient([fake], {
      logger,
      credentials: () => {
        if (!isThere) throw new Error('tokenFile: the file token cannot be read');
        return { username: 'u', password: 'token' };
      },
    });
    await client.start();
    await until(() => client.status().refusedAttempts > 2);
    expect(fake.packets('connect')).toEqual([]);
    isThere = true;
    await client.connected();
    expect(errors).toMatchObject([{ reason: 'tokenFile: the file token cannot be read' }]);
  });

  test('stops at once while its attempts fail', async () => {
    const { client } = createTestClient([], {
      servers: [{ url: 'mqtt://127.0.0.1:1' }],
      credentials: () => {
        throw new Error('no token');
      },
    });
    await client.start();
    await until(() => client.status().refusedAttempts > 0);
    await client.stop();
    expect(client.status().connected).toBe(false);
  });

  test('closes a connection on which no TLS handshake ends', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const { client } = createTestClient([], {
      servers: [{ url: `mqtts://127.0.0.1:${port}` }, { url: `wss://127.0.0.1:${port}/mqtt` }],
      timings: { connectTimeoutMs: 50, retryDelayMsMax: 1 },
    });
    await client.start();
    await until(() => client.status().failedAttempts > 2);
    await client.stop();
    silent.close();
    expect(client.status().connected).toBe(false);
  });
});
