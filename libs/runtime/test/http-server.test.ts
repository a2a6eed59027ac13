import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { ListenError, silentLogger } from '@mqtt-cluster/contracts';
import { createHttpServer } from '../src/index.ts';
import type { HttpServer, HttpServerOptions } from '../src/index.ts';

const host = '127.0.0.1';
let server: HttpServer | null = null;

async function serve(
  more: Partial<HttpServerOptions> = {},
): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  server = createHttpServer({
    host,
    port: 0,
    logger: silentLogger,
    metrics: { render: async () => 'clients 1\n', contentType: 'text/plain; version=0.0.4' },
    health: () => ({ ok: true }),
    ready: () => ({ ok: false, reason: 'still joining' }),
    status: () => ({ state: 'joining' }),
    ...more,
  });
  await server.start();
  const { port } = server.address();
  return (path, init) => fetch(`http://${host}:${port}${path}`, init);
}

afterEach(async () => {
  await server?.stop();
  server = null;
});

describe('the HTTP server', () => {
  test('serves metrics, health, readiness, status and the additional pages of the program', async () => {
    const get = await serve({ pages: { '/members': async () => ['a'] } });
    const metrics = await get('/metrics');
    expect([metrics.status, metrics.headers.get('content-type'), await metrics.text()]).toEqual([
      200,
      'text/plain; version=0.0.4',
      'clients 1\n',
    ]);
    const healthy = await get('/healthz?verbose=1');
    expect([healthy.status, await healthy.json()]).toEqual([200, { ok: true }]);
    const ready = await get('/readyz');
    expect([ready.status, await ready.json()]).toEqual([503, { ok: false, reason: 'still joining' }]);
    expect(await (await get('/status')).json()).toEqual({ state: 'joining' });
    expect(await (await get('/members')).json()).toEqual(['a']);
  });

  test('does not close a connection whose answer it prepares, and closes a silent one', async () => {
    const inactivityMs = 50;
    let finish: () => void = () => undefined;
    const slow = new Promise<readonly string[]>((resolve) => (finish = () => resolve(['late'])));
    const get = await serve({ inactivityMs, pages: { '/slow': () => slow } });
    const answer = get('/slow');
    const idle = connect(server!.address().port, host);
    // A connection that begins later and is silent ends first, so the time of the other one has passed, too.
    await once(idle, 'close');
    const later = connect(server!.address().port, host);
    await once(later, 'close');
    finish();
    expect(await (await answer).json()).toEqual(['late']);
  });

  test('rejects unknown paths with status 404, and methods other than GET and HEAD with status 405', async () => {
    const get = await serve();
    expect((await get('/')).status).toBe(404);
    expect((await get('/__proto__')).status).toBe(404);
    expect((await get('/status', { method: 'POST' })).status).toBe(405);
    const head = await get('/status', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('returns status 500 for a page that throws, and still serves the other pages', async () => {
    const get = await serve({
      status: () => {
        throw new Error('no status');
      },
      metrics: { render: () => Promise.reject(new Error('no metrics')), contentType: 'text/plain' },
    });
    expect((await get('/status')).status).toBe(500);
    expect((await get('/metrics')).status).toBe(500);
    expect((await get('/healthz')).status).toBe(200);
  });

  test('fails to start with an error that contains the address and the reason when the address is in use', async () => {
    await serve();
    const { port } = server!.address();
    const other = createHttpServer({
      host,
      port,
      logger: silentLogger,
      metrics: { render: async () => '', contentType: 'text/plain' },
      health: () => ({ ok: true }),
      ready: () => ({ ok: true }),
      status: () => null,
    });
    const start = other.start();
    await expect(start).rejects.toThrow(ListenError);
    await expect(start).rejects.toThrow(`cannot listen on ${host}:${port}: the address is in use`);
  });
});

describe('the HTTP server of a program with its own routes:', () => {
  const echo: HttpServerOptions['routes'] = (request) => {
    if (request.path === '/bytes') return Promise.resolve({ code: 200, body: new Uint8Array([1, 2]) });
    if (!request.path.startsWith('/do/')) return null;
    const { method, path, query, isLocal } = request;
    return request.json().then((body) => ({
      code: 202,
      body: { method, path, query: Object.fromEntries(query), isLocal, body },
      headers: { 'x-more': 'yes' },
    }));
  };

  test('a route receives method, query and body, and sets the status code and headers', async () => {
    const get = await serve({ routes: echo });
    const answer = await get('/do/it?exit=false', { method: 'POST', body: '{"a":1}' });
    expect([answer.status, answer.headers.get('x-more')]).toEqual([202, 'yes']);
    expect(await answer.json()).toEqual({
      method: 'POST',
      path: '/do/it',
      query: { exit: 'false' },
      isLocal: true,
      body: { a: 1 },
    });
    const bytes = await get('/bytes');
    expect([...new Uint8Array(await bytes.arrayBuffer())]).toEqual([1, 2]);
    expect((await get('/other')).status).toBe(404);
  });

  test('a request from an IPv4-mapped loopback address is local', async () => {
    const get = await serve({ host: `::ffff:${host}`, routes: echo });
    expect(await (await get('/do/it', { method: 'POST', body: '1' })).json()).toMatchObject({
      isLocal: true,
    });
  });

  test.each([
    ['not JSON', '{\n,', /^the body is not JSON: line 2, column 1: /],
    ['not UTF-8', Buffer.from('{"a":\n"\xEF"}', 'latin1'), /line 2: the text is not UTF-8/],
    ['too large', JSON.stringify('x'.repeat(600_000)), /exceeds/],
  ])('a request with a body that is %s is rejected with status 400', async (_problem, body, message) => {
    const get = await serve({ routes: echo });
    const answer = await get('/do/it', { method: 'POST', body });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: string }).error).toMatch(message);
  });

  test.each([
    ['a proxy forwarded it', { 'x-forwarded-for': '192.0.2.1' }],
    ['it has a Via header', { via: '1.1 proxy' }],
    ['a page in a browser sent it', { origin: 'http://example.com' }],
    ['its Host header is a foreign name (DNS rebinding)', { host: 'example.com' }],
  ])('a request from this host is not local when %s', async (_how, headers) => {
    await serve({ routes: echo });
    const { port } = server!.address();
    const answer = await new Promise<string>((resolve, reject) => {
      request({ host, port, path: '/do/it', headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve(text));
      })
        .on('error', reject)
        .end();
    });
    expect(JSON.parse(answer)).toMatchObject({ isLocal: false });
  });
});

/** Sends a request to upgrade a connection. Returns the status line of the answer, or the first bytes of the other protocol. */
function askForUpgrade(path: string, headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({
      host,
      port: server!.address().port,
      path,
      headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers },
    });
    asked.on('upgrade', (_response, socket, head) => {
      if (head.length > 0) resolve(String(head));
      else socket.once('data', (data) => resolve(String(data)));
    });
    asked.on('response', (response) => {
      response.resume();
      resolve(`${response.statusCode} ${response.headers['content-type']}`);
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('the HTTP server with a guard:', () => {
  const guard: HttpServerOptions['guard'] = ({ headers }) =>
    headers['x-foreign'] === undefined
      ? null
      : { code: 421, body: { error: 'foreign' }, headers: { 'content-type': 'application/problem+json' } };

  test.each(['/metrics', '/healthz', '/readyz', '/status', '/members', '/do/it', '/missing'])(
    'the guard refuses a request for %s before anything else',
    async (path) => {
      let asked = 0;
      const count = (): void => void (asked += 1);
      const get = await serve({
        guard,
        metrics: { render: async () => (count(), ''), contentType: 'text/plain' },
        health: () => (count(), { ok: true }),
        ready: () => (count(), { ok: true }),
        status: count,
        pages: { '/members': count },
        routes: () => (count(), null),
      });
      const refused = await get(path, { headers: { 'x-foreign': '1' } });
      expect([refused.status, refused.headers.get('content-type'), await refused.json()]).toEqual([
        421,
        'application/problem+json',
        { error: 'foreign' },
      ]);
      expect(asked).toBe(0);
    },
  );

  test('the guard refuses an upgrade, and an accepted upgrade reaches its handler', async () => {
    await serve({
      guard,
      onUpgrade: ({ socket, path, isLocal, refuse, release }) => {
        if (path !== '/mqtt') return refuse({ code: 404, body: { error: 'not found' } });
        release();
        socket.end(
          `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n${isLocal}`,
        );
      },
    });
    expect(await askForUpgrade('/mqtt', { 'x-foreign': '1' })).toBe('421 application/problem+json');
    expect(await askForUpgrade('/other')).toBe('404 application/json; charset=utf-8');
    expect(await askForUpgrade('/mqtt?x=1')).toBe('true');
  });
});
