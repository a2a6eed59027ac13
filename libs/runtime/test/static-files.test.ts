import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { silentLogger } from '@mqtt-cluster/contracts';
import { createHttpServer, StaticFiles } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'static-'));
const site = join(folder, 'site');
const page = '<!doctype html><title>page</title>';
const script = 'export const answer = 42;';

beforeAll(() => {
  mkdirSync(join(site, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(site, 'index.html'), page);
  writeFileSync(join(site, 'assets', 'main-ABCDEFGH.js'), script);
  writeFileSync(join(site, 'assets', 'main-ABCDEFGH.js.br'), brotliCompressSync(script));
  writeFileSync(join(site, 'assets', 'main-ABCDEFGH.js.gz'), gzipSync(script));
});

afterAll(() => rmSync(folder, { recursive: true }));

const get = (path: string, headers = {}, method = 'GET') =>
  new StaticFiles(site).respond({ method, path, headers });

const policyOf = (headers: Readonly<Record<string, string>>): Map<string, string> =>
  new Map(
    headers['content-security-policy']!.split('; ').map((part): [string, string] => {
      const [name = '', ...values] = part.split(' ');
      return [name, values.join(' ')];
    }),
  );

test('the page has a policy that permits only files of its own server, and no frame around it', async () => {
  const { code, body, headers = {} } = (await get('/'))!;
  expect([code, Buffer.from(body as Uint8Array).toString()]).toEqual([200, page]);
  const policy = policyOf(headers);
  expect(policy.get('default-src')).toBe("'none'");
  for (const name of ['script-src', 'style-src', 'connect-src']) expect(policy.get(name)).toBe("'self'");
  for (const name of ['frame-ancestors', 'base-uri', 'form-action']) expect(policy.get(name)).toBe("'none'");
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  });
});

test.each([
  ['br', 'gzip, deflate, br', 'br'],
  ['gzip', 'gzip', 'gzip'],
  ['gzip', 'br;q=0, gzip;q=0.5', 'gzip'],
  ['no compression', 'identity', undefined],
])(
  'an asset is sent with %s for the header %j, and stays cached for a year',
  async (_what, accept, encoding) => {
    const { body, headers = {} } = (await get('/assets/main-ABCDEFGH.js', { 'accept-encoding': accept }))!;
    expect(headers['content-encoding']).toBe(encoding);
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(headers['vary']).toBe('accept-encoding');
    const expected =
      encoding === undefined ? script : encoding === 'br' ? brotliCompressSync(script) : gzipSync(script);
    expect(Buffer.from(body as Uint8Array)).toEqual(Buffer.from(expected));
  },
);

test.each([
  ['/../secret.txt'],
  ['/assets/../../secret.txt'],
  ['/assets/%2e%2e/%2e%2e/secret.txt'],
  ['//etc/passwd'],
  ['/assets'],
  ['/assets/'],
  ['/__proto__'],
  ['secret.txt'],
  [''],
])('the path %j reaches no file', (path) => {
  expect(get(path)).toBeNull();
});

test('a method other than GET and HEAD is refused', async () => {
  expect(await get('/', {}, 'POST')).toMatchObject({ code: 405, headers: { allow: 'GET, HEAD' } });
});

test('a folder without files serves nothing, and a later build is served', async () => {
  const later = join(folder, 'later');
  expect(new StaticFiles(later).respond({ method: 'GET', path: '/', headers: {} })).toBeNull();
  mkdirSync(later);
  writeFileSync(join(later, 'index.html'), page);
  expect(await new StaticFiles(later).respond({ method: 'GET', path: '/', headers: {} })).toMatchObject({
    code: 200,
  });
});

test('the HTTP server answers 304 without a body while the page has not changed', async () => {
  const files = new StaticFiles(site);
  const server = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    metrics: { render: async () => '', contentType: 'text/plain' },
    health: () => ({ ok: true }),
    ready: () => ({ ok: true }),
    status: () => null,
    routes: (request) => files.respond(request),
  });
  await server.start();
  try {
    const url = `http://127.0.0.1:${server.address().port}/`;
    const first = await fetch(url);
    const etag = first.headers.get('etag')!;
    expect(await first.text()).toBe(page);
    const second = await fetch(url, { headers: { 'if-none-match': etag } });
    expect([second.status, await second.text(), second.headers.get('etag')]).toEqual([304, '', etag]);
  } finally {
    await server.stop();
  }
});
