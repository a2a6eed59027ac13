import { connect } from 'node:net';
import { host } from '@mqtt-cluster/testing';
import { adminPaths } from '../../src/admin/paths.ts';
import { adminAt } from '../support/admin.ts';
import { openWebSocket, send } from '../support/browser-request.ts';
import type { BrowserAnswer } from '../support/browser-request.ts';
import { TestCluster } from '../support/test-cluster.ts';

// One member without users and without a token: each program on this host may administer it.
let cluster: TestCluster;
let port: number;

beforeAll(async () => {
  cluster = await TestCluster.start(['a'], { http: { hosts: ['console.example.org'] } });
  port = cluster.portsOf('a').http;
});
afterAll(() => cluster.close());

type Headers = Readonly<Record<string, string>>;

const call = (method: string, path: string, headers: Headers = {}, body?: unknown): Promise<BrowserAnswer> =>
  send({ host, port, method, path, headers, ...(body !== undefined && { body }) });

/** The headers that a browser adds for each kind of page. A script of the page cannot change them. */
const attacks: readonly (readonly [string, () => Headers])[] = [
  ['a page of another site', () => ({ origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' })],
  [
    'a page of another program on this host',
    () => ({ origin: `http://${host}:1`, 'sec-fetch-site': 'same-site' }),
  ],
  ['a sandboxed frame', () => ({ origin: 'null', 'sec-fetch-site': 'cross-site' })],
  [
    'an image or a script of another site',
    () => ({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }),
  ],
  [
    'a page at a rebound DNS name',
    () => ({
      host: `rebound.example:${port}`,
      origin: `http://rebound.example:${port}`,
      'sec-fetch-site': 'same-origin',
      'x-mqtt-cluster': '1',
    }),
  ],
  [
    'a page at a rebound name below a known one',
    () => ({ host: `console.example.org.evil.example:${port}`, 'x-mqtt-cluster': '1' }),
  ],
];

const reads = [
  ...['/', '/assets/console.js', '/metrics', '/healthz', '/readyz', '/status'],
  ...[
    '/api/v1/openapi.json',
    '/api/v1/me',
    '/api/v1/overview',
    '/api/v1/backup',
    '/api/v1/trace',
    '/api/v1/subscribe',
  ],
  ...Object.values(adminPaths),
];

const changes: readonly (readonly [string, string, object])[] = [
  ['POST', '/api/v1/sign-in', { user: 'a', password: 'b' }],
  ['POST', '/api/v1/members/a/drain', {}],
  ['DELETE', '/api/v1/members/a', {}],
  ['PATCH', '/api/v1/settings', { queuedMessagesMax: 7 }],
  ['POST', '/api/v1/publish', { topic: 'x', payload: 'y' }],
  ['POST', adminPaths.settings, { queuedMessagesMax: 7 }],
  ['POST', adminPaths.add, { id: 'b' }],
  ['POST', adminPaths.remove, { id: 'a', force: true }],
  ['POST', adminPaths.transfer, {}],
  ['POST', adminPaths.bootstrap, {}],
  ['POST', adminPaths.drain, { exit: true }],
  ['POST', adminPaths.undrain, {}],
  ['POST', adminPaths.drainShort, { exit: true }],
  ['POST', adminPaths.undrainShort, {}],
  ['POST', adminPaths.users, []],
  ['PUT', `${adminPaths.users}/mallory`, { password: 'secret', role: 'admin' }],
  ['PUT', adminPaths.rules, []],
];

describe.each(attacks)('%s', (_page, headers) => {
  test.each(reads)('learns nothing from GET %s', async (path) => {
    for (const method of ['GET', 'HEAD']) {
      const { code, text, headers: answered } = await call(method, path, headers());
      expect([403, 421]).toContain(code);
      expect(answered).not.toHaveProperty('access-control-allow-origin');
      // The answer names the request and the rule only.
      if (method === 'GET') expect(text).toMatch(/^\{("error":|"type":"about:blank")/);
    }
  });

  test.each(changes)('changes nothing with %s %s', async (method, path, body) => {
    const before = await call('GET', adminPaths.settings);
    const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded'];
    for (const type of types) {
      const { code } = await call(method, path, { ...headers(), 'content-type': type }, body);
      expect([403, 421]).toContain(code);
    }
    // The permission for a request with the header, which a page asks for first.
    expect(
      (await call('OPTIONS', path, { ...headers(), 'access-control-request-headers': 'x-mqtt-cluster' }))
        .code,
    ).not.toBeLessThan(400);
    expect((await call('GET', adminPaths.settings)).text).toBe(before.text);
    expect((await call('GET', adminPaths.users)).text).toBe('{"version":0,"users":[]}\n');
    expect((await cluster.status('a')).state).toBe('serving');
    expect(cluster.stopRequests).toEqual([]);
  });

  test('opens no WebSocket', async () => {
    expect([403, 421]).toContain(await openWebSocket({ host, port, path: '/mqtt', headers: headers() }));
  });
});

describe('what is protected works for its own programs:', () => {
  test('a page of this member reads, changes settings with the header, and opens the WebSocket', async () => {
    for (const name of [`${host}:${port}`, `localhost:${port}`, `console.example.org:${port}`]) {
      const page = { host: name, origin: `http://${name}`, 'sec-fetch-site': 'same-origin' };
      expect((await call('GET', '/api/v1/me', page)).code).toBe(name.startsWith('console') ? 401 : 200);
      expect(await openWebSocket({ host, port, path: '/mqtt', headers: page })).toBe(101);
    }
    const page = { host: `${host}:${port}`, origin: `http://${host}:${port}` };
    const change = (headers: Headers, queuedMessagesMax: number): Promise<BrowserAnswer> =>
      call('POST', adminPaths.settings, headers, { queuedMessagesMax });
    expect((await change({ ...page, 'x-mqtt-cluster': '1' }, 900)).code).toBe(200);
    expect((await change(page, 901)).code).toBe(403);
  });

  test('scripts and playbooks without any header of browsers use the older paths', async () => {
    expect((await call('POST', adminPaths.settings, {}, { queuedMessagesMax: 800 })).code).toBe(200);
    expect((await call('GET', adminPaths.settings)).text).toContain('"queuedMessagesMax":800');
  });

  test('the admin command works over loopback', async () => {
    expect((await adminAt(cluster, 'a', 'settings')).output).toContain('queuedMessagesMax');
  });

  test('a scrape of Prometheus by address or by a known name is answered', async () => {
    for (const name of [`${host}:${port}`, `console.example.org:${port}`]) {
      const scrape = { host: name, 'user-agent': 'Prometheus/3.0', accept: 'text/plain;version=0.0.4' };
      expect((await call('GET', '/metrics', scrape)).code).toBe(200);
      // A request by a name is not local, so it needs credentials.
      const { code } = await call('GET', '/api/v1/prometheus/targets', scrape);
      expect(code).toBe(name.startsWith('console') ? 401 : 200);
    }
    const unknown = { host: `prometheus.example.org:${port}`, 'user-agent': 'Prometheus/3.0' };
    expect((await call('GET', '/api/v1/prometheus/targets', unknown)).code).toBe(421);
  });

  test('the health check of HAProxy, HTTP/1.0 without a Host header, is answered', async () => {
    const socket = connect(port, host);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      socket.on('data', (data) => (text += String(data)));
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
      socket.write('GET /readyz HTTP/1.0\r\n\r\n');
    });
    expect(answer).toMatch(/^HTTP\/1\.\d 200 /);
  });

  test('a request for the console of a build without it gets one sentence', async () => {
    const { code, text } = await call('GET', '/');
    expect([code, text]).toEqual([
      404,
      'This program was built without the web console: "npm run build" builds it.\n',
    ]);
  });
});
