import { request } from 'node:https';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import type { RawClient } from '../support/raw-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;

afterEach(() => cluster.close());

const basic = (user: string, password = 'secret-of-user'): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

async function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: object,
): Promise<number> {
  const response = await fetch(`${cluster.httpUrl('a')}${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

test('users of the cluster administer by HTTP as far as their role permits', async () => {
  cluster = await TestCluster.start(['a']);
  for (const role of ['viewer', 'operator', 'admin'] as const) {
    const user = { password: 'secret-of-user', role };
    await until(async () => (await call('PUT', `/cluster/users/${role}`, {}, user)) === 200);
  }
  const codes: Record<string, number[]> = {};
  for (const user of ['viewer', 'operator', 'admin']) {
    codes[user] = [
      await call('GET', '/admin/members', basic(user)),
      await call('POST', '/admin/settings', basic(user), { queuedMessagesMax: 77 }),
      await call('GET', '/admin/backup', basic(user)),
      await call('GET', '/cluster/users', basic(user)),
    ];
  }
  expect(codes).toEqual({
    viewer: [200, 403, 403, 403],
    operator: [200, 200, 403, 403],
    admin: [200, 200, 200, 200],
  });
  expect(await call('GET', '/admin/members', basic('viewer', 'wrong'))).toBe(403);
  expect(await call('GET', '/admin/members', { ...basic('viewer'), origin: 'http://example.com' })).toBe(403);
  // Health, metrics and readiness stay open, and the status shows no password hash.
  for (const path of ['/metrics', '/healthz', '/readyz', '/cluster/health'])
    expect(await call('GET', path)).toBe(200);
  const status = await (await cluster.get('a', '/status')).text();
  expect(status).not.toMatch(/scrypt|secret-of-user|passwordHash/);
});

test('a connected client loses the admin topics with its role', async () => {
  cluster = await TestCluster.start(['a'], { mqtt: { anonymous: false, authentication: ['cluster'] } });
  const put = (name: string, change: object): Promise<number> =>
    call('PUT', `/cluster/users/${name}`, {}, change);
  for (const name of ['lost', 'weaker', 'stronger']) {
    const user = { password: 'secret-of-user', role: 'operator' };
    await until(async () => (await put(name, user)) === 200);
  }
  const password = Buffer.from('secret-of-user');
  const connectAs = (username: string): Promise<RawClient> =>
    cluster.connect('a', username, { protocolVersion: 5, username, password });
  const lost = await connectAs('lost');
  const weaker = await connectAs('weaker');
  const stronger = await connectAs('stronger');
  await put('lost', { role: null });
  await put('weaker', { role: 'viewer' });
  await put('stronger', { role: 'admin' });
  for (const client of [lost, weaker]) {
    await client.closed();
    expect(client.received.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x87 });
  }
  stronger.publish('$cluster/admin/settings', '{"queuedMessagesMax":77}', 1, 1);
  await stronger.got('puback');
});

requiring('openssl')('a member with http.tls', () => {
  let directory: string;
  beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'http-tls-'))));
  afterAll(() => rmSync(directory, { recursive: true }));

  function get(path: string, ca: string): Promise<number> {
    const { http: port } = cluster.portsOf('a');
    return new Promise((resolve, reject) => {
      request({ host, port, path, ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on('error', reject)
        .end();
    });
  }

  test('serves HTTPS, and no plain HTTP', async () => {
    const authority = new TestAuthority(directory);
    const { keyFile, certFile } = authority.issue('a', { alternativeNames: `IP:${host}` });
    cluster = await TestCluster.create(['a']);
    await cluster.start('a', { http: { tls: { key: keyFile, cert: certFile } } });
    expect(await get('/healthz', readFileSync(authority.caFile, 'utf8'))).toBe(200);
    await expect(cluster.get('a', '/healthz')).rejects.toThrow();
  });
});
