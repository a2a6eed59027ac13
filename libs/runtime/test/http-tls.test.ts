import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import { createHttpServer, revocationsOf } from '../src/index.ts';
import type { HttpServer, HttpServerOptions, HttpTls } from '../src/index.ts';

const host = '127.0.0.1';

requiring('openssl')('the HTTP server with TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'http-tls-'));
  let authority: TestAuthority;
  let server: HttpServer | null = null;

  beforeAll(() => (authority = new TestAuthority(directory)));
  afterEach(async () => {
    await server?.stop();
    server = null;
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  async function serve(more: object, options: Partial<HttpServerOptions> = {}): Promise<void> {
    const { keyFile, certFile } = authority.issueServer('server', host);
    server = createHttpServer({
      host,
      port: 0,
      tls: { key: readFileSync(keyFile), cert: readFileSync(certFile), ...more },
      logger: silentLogger,
      metrics: { render: async () => 'clients 1\n', contentType: 'text/plain' },
      health: () => ({ ok: true }),
      ready: () => ({ ok: true }),
      status: () => null,
      routes: ({ isSecure }) => Promise.resolve({ code: 200, body: { isSecure } }),
      ...options,
    });
    await server.start();
  }

  function ask(secure: boolean, path = '/x', more: object = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const { port } = server!.address();
      const options = { host, port, path, agent: false, ca: readFileSync(authority.caFile), ...more };
      const sent = (secure ? requestTls : requestPlain)(options, (response) => {
        let text = '';
        response.on('data', (data) => (text += String(data)));
        response.on('end', () => resolve(text.trim()));
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  test('with an authority for clients, a client without a certificate of this authority is refused', async () => {
    await serve({ ca: readFileSync(authority.caFile) });
    await expect(ask(true)).rejects.toThrow();
    const { keyFile, certFile } = authority.issue('client');
    const own = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
    expect(await ask(true, '/x', own)).toBe('{"isSecure":true}');
  });

  test.each(['the client', 'its intermediate authority'])(
    'a client loses its connection when the certificate of %s is revoked, and a new connection is refused',
    async (what) => {
      const root = new TestAuthority(directory, `root of ${what}`);
      const issuer = new TestAuthority(directory, `issuer of ${what}`, { issuer: root });
      const { keyFile, certFile } = authority.issueServer('server', host);
      const files = (): HttpTls => ({
        key: readFileSync(keyFile),
        cert: readFileSync(certFile),
        ca: root.ca,
        revocations: revocationsOf({ path: 'crl.pem', text: `${root.crl}${issuer.crl}` }),
      });
      await serve(files());
      const revoked = issuer.issue('revoked');
      const own = { key: revoked.key, cert: `${revoked.cert}${issuer.ca}` };
      const kept = what === 'the client' ? issuer.issue('kept') : root.issue('kept');
      const other = { key: kept.key, cert: `${kept.cert}${what === 'the client' ? issuer.ca : ''}` };
      const { port } = server!.address();
      const [open, openOther] = [own, other].map((each) => {
        const socket = connectTls({ host, port, rejectUnauthorized: false, ...each });
        socket.on('error', () => undefined);
        return socket;
      }) as [TLSSocket, TLSSocket];
      await Promise.all([open, openOther].map((each) => once(each, 'secureConnect')));
      // The client has completed its handshake before the server has.
      expect(await ask(true, '/x', own)).toBe('{"isSecure":true}');
      expect(await ask(true, '/x', other)).toBe('{"isSecure":true}');
      server!.setTls(files());
      const closed = once(open, 'close');
      if (what === 'the client') issuer.revoke(revoked);
      else root.revoke({ certFile: issuer.caFile, cert: issuer.ca });
      server!.setTls(files());
      await closed;
      await expect(ask(true, '/x', own)).rejects.toThrow();
      expect(await ask(true, '/x', other)).toBe('{"isSecure":true}');
      expect(openOther.destroyed).toBe(false);
      openOther.destroy();
    },
  );

  test('a client whose intermediate authority has no revocation list is refused', async () => {
    const root = new TestAuthority(directory, 'root with a list');
    const issuer = new TestAuthority(directory, 'issuer without a list', { issuer: root });
    const client = issuer.issue('client of the issuer');
    const own = { key: client.key, cert: `${client.cert}${issuer.ca}` };
    const listsOf = (text: string): object => ({ revocations: revocationsOf({ path: 'crl.pem', text }) });
    await serve({ ca: root.ca, ...listsOf(`${root.crl}${issuer.crl}`) });
    expect(await ask(true, '/x', own)).toBe('{"isSecure":true}');
    await server!.stop();
    await serve({ ca: root.ca, ...listsOf(root.crl) });
    await expect(ask(true, '/x', own)).rejects.toThrow();
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'resumes no session if it checks client certificates, so that each handshake checks the lists (%s)',
    async (version) => {
      await serve({ ca: readFileSync(authority.caFile) });
      const { key, cert } = authority.issue('resuming');
      const options = {
        ...{ host, port: server!.address().port, ca: authority.ca, key, cert },
        ...{ minVersion: version, maxVersion: version },
      };
      const first = connectTls(options);
      let session: Buffer | undefined;
      first.on('session', (ticket: Buffer) => (session = ticket));
      first.write(`GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await once(first, 'data');
      session ??= first.getSession();
      first.destroy();
      const second = connectTls({ ...options, ...(session && { session }) });
      await once(second, 'secureConnect');
      expect(second.isSessionReused()).toBe(false);
      second.destroy();
    },
  );

  test('one port serves HTTPS and, with the option, HTTP, also for requests in small pieces', async () => {
    await serve({}, { plainToo: true });
    for (let times = 0; times < 3; times++) {
      expect(await ask(true)).toBe('{"isSecure":true}');
      expect(await ask(false)).toBe('{"isSecure":false}');
    }
    expect(await ask(false, '/metrics')).toBe('clients 1');
    const socket = connect(server!.address().port, host);
    const answer = new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (data) => (text += String(data)));
      socket.on('close', () => resolve(text));
    });
    for (const piece of ['G', 'ET /readyz HT', 'TP/1.0\r\n', '\r\n']) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await answer).toContain('{"ok":true}');
  });

  test.each<[string, Partial<HttpServerOptions>, Readonly<Record<string, string>>, boolean]>([
    ['from this host', {}, {}, true],
    ['from this host where loopback is not trusted', { trustsThisHost: false }, {}, false],
    ['with X-Forwarded-For', {}, { 'x-forwarded-for': '192.0.2.7' }, false],
    ['with Forwarded', {}, { forwarded: 'for=192.0.2.7' }, false],
    ['with Via', {}, { via: '1.1 proxy' }, false],
  ])(
    'with TLS, a plain request %s is private only if it cannot come from another host',
    async (_how, trust, headers, isPrivate) => {
      const routes: HttpServerOptions['routes'] = (request) =>
        Promise.resolve({ code: 200, body: { isPrivate: request.isPrivate } });
      await serve({}, { plainToo: true, routes, ...trust });
      expect(await ask(false, '/x', { headers })).toBe(JSON.stringify({ isPrivate }));
      expect(await ask(true, '/x', { headers })).toBe('{"isPrivate":true}');
    },
  );

  test('a stop ends connections without a byte', async () => {
    await serve({}, { plainToo: true });
    const socket = connect(server!.address().port, host);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    expect(await ask(false)).toBe('{"isSecure":false}');
    await server!.stop();
    await closed;
  });

  test.each([
    ['a connection without a byte', ''],
    ['a request without TLS whose headers never end', 'GET /x HTTP/1.1\r\n'],
    ['a TLS handshake that never ends', '\x16\x03\x01'],
  ])('with both protocols at one port, %s is closed', async (_what, bytes) => {
    await serve({}, { plainToo: true });
    const socket = connect(server!.address().port, host);
    socket.on('error', () => undefined);
    if (bytes !== '') socket.write(bytes, 'latin1');
    await new Promise((resolve) => socket.resume().on('close', resolve));
  });

  test('without the option a request without TLS is refused', async () => {
    await serve({});
    await expect(ask(false)).rejects.toThrow();
    expect(await ask(true)).toBe('{"isSecure":true}');
  });
});
