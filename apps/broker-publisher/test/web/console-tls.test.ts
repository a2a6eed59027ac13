import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import { WebSocket } from 'ws';
import { adminPaths } from '../../src/admin/paths.ts';
import { adminAt } from '../support/admin.ts';
import { TestCluster } from '../support/test-cluster.ts';

requiring('openssl')('the console over HTTPS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'console-tls-'));
  let cluster: TestCluster;
  let port: number;

  beforeAll(async () => {
    const { keyFile, certFile } = new TestAuthority(directory).issueServer('member', host);
    cluster = await TestCluster.create(['a'], { mqtt: { anonymous: false, authentication: ['cluster'] } });
    await cluster.start('a', { http: { plain: true, tls: { key: keyFile, cert: certFile } } });
    port = cluster.portsOf('a').http;
    await until(async () => {
      const { code } = await call('PUT', `${adminPaths.users}/vera`, { password: 'right', role: 'viewer' });
      return code === 200;
    });
  });
  afterAll(async () => {
    await cluster.close();
    rmSync(directory, { recursive: true });
  });

  const origin = (): string => `https://${host}:${port}`;

  function call(method: string, path: string, body?: object, more: Record<string, string> = {}) {
    return new Promise<{ code: number; cookie: string; text: string }>((resolve, reject) => {
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const headers = { origin: origin(), 'x-mqtt-cluster': '1', ...type, ...more };
      const options = { host, port, method, path, headers, agent: false, rejectUnauthorized: false };
      const sent = request(options, (response) => {
        let text = '';
        response.on('data', (data) => (text += String(data)));
        const cookie = response.headers['set-cookie']?.[0] ?? '';
        response.on('end', () => resolve({ code: response.statusCode ?? 0, cookie, text }));
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  const signIn = () => call('POST', '/api/v1/sign-in', { user: 'vera', password: 'right' });

  /** Returns 101, or the status code that refuses the WebSocket. */
  const openWebSocket = (headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const url = `wss://${host}:${port}/mqtt`;
      const socket = new WebSocket(url, ['mqtt'], { headers, rejectUnauthorized: false });
      socket.on('open', () => {
        resolve(101);
        socket.terminate();
      });
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      socket.on('error', reject);
    });

  test('the cookie is Secure and bound to the host, and the session works with it', async () => {
    const { code, cookie } = await signIn();
    expect(code).toBe(200);
    expect(cookie).toMatch(/^__Host-mqtt-cluster=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/);
    const me = await call('GET', '/api/v1/me', undefined, { cookie: cookie.split(';')[0]! });
    expect(JSON.parse(me.text)).toEqual({ user: 'vera', role: 'viewer', lab: false, anonymous: false });
  });

  test('scrapes, probes and the admin command use the same port without TLS', async () => {
    for (const path of ['/metrics', '/readyz', '/cluster/health'])
      expect((await cluster.get('a', path)).status).toBe(200);
    expect((await adminAt(cluster, 'a', 'users', 'list')).output).toContain('vera');
  });

  test('a page without TLS at the same host and port is a foreign page', async () => {
    const plain = { origin: `http://${host}:${port}` };
    expect((await call('GET', '/api/v1/me', undefined, plain)).code).toBe(403);
    expect((await call('POST', '/api/v1/sign-in', { user: 'vera', password: 'right' }, plain)).code).toBe(
      403,
    );
    expect(await openWebSocket(plain)).toBe(403);
    expect(await openWebSocket({ origin: origin() })).toBe(101);
  });
});
