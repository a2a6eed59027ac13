import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveConsoleFile } from './console-files.ts';
import { FakeCluster } from './fake-cluster.ts';
import { fakeLink } from './fake-links.ts';

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

const ok = (body: unknown): Reply => ({ status: 200, body });
const problem = (status: number, detail: string): Reply => ({
  status,
  body: { type: 'about:blank', title: 'Error', status, detail },
});

/** A server with the shapes of the HTTP API over a {@link FakeCluster}. It also serves the built console. */
export class FakeApi {
  readonly cluster = new FakeCluster();
  /** Requests that a foreign page could have sent: they change something and lack the console's header. */
  readonly unprotected: string[] = [];
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();

  private constructor(folder: string) {
    this.#server = createServer((request, response) => void this.#handle(folder, request, response));
  }

  static async open(folder: string): Promise<FakeApi> {
    const api = new FakeApi(folder);
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sends an item to every open trace. */
  trace(item: unknown): void {
    for (const stream of this.#streams) stream.write(`event: packet\ndata: ${JSON.stringify(item)}\n\n`);
  }

  get openTraces(): number {
    return this.#streams.size;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const lab = url.pathname.startsWith('/lab/');
    if (!lab && !url.pathname.startsWith('/api/v1/')) {
      if (!serveConsoleFile(folder, url.pathname, response)) response.writeHead(404).end();
      return;
    }
    const method = request.method ?? 'GET';
    const path = lab ? url.pathname : url.pathname.slice('/api/v1'.length);
    const body = await readBody(request);
    if (method !== 'GET') {
      this.cluster.changes.push(`${method} ${path}${url.search}`);
      if (request.headers['x-mqtt-cluster'] !== '1') this.unprotected.push(`${method} ${path}`);
    }
    if (path === '/trace') return this.#openTrace(response);
    const { status, body: answer } = answerTo(this.cluster, { method, path, query: url.searchParams, body });
    response.writeHead(status, {
      'content-type': status < 400 ? 'application/json' : 'application/problem+json',
    });
    response.end(JSON.stringify(answer));
  }

  #openTrace(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function answerTo(cluster: FakeCluster, request: Request): Reply {
  const { method, path, body } = request;
  if (path === '/sign-in') {
    if (body['password'] !== cluster.password) return problem(403, 'The user or the password is wrong.');
    cluster.signedIn = String(body['user']);
    return ok({ user: cluster.signedIn, role: cluster.role });
  }
  if (path === '/sign-out') {
    cluster.signedIn = null;
    return ok({});
  }
  if (cluster.password !== null && cluster.signedIn === null) return problem(401, 'Sign in first.');
  const [first = '', second, third] = path.slice(1).split('/').map(decodeURIComponent);
  const gathered = { unreachable: cluster.unreachable, tooOld: cluster.tooOld };
  switch (`${method} ${first}`) {
    case 'GET me':
      return ok(cluster.me());
    case 'GET overview':
      return ok(cluster.overview());
    case 'GET clients':
      return second === undefined
        ? ok({ ...clientPage(cluster, request.query), ...gathered })
        : client(cluster, second);
    case 'POST clients':
      return ok(disconnect(cluster, (body['ids'] as string[] | undefined) ?? []));
    case 'DELETE clients':
      if (third === 'connection') return ok({ ended: disconnect(cluster, [second ?? '']).ended === 1 });
      cluster.clients = cluster.clients.filter(({ id }) => id !== second);
      return ok({ deleted: true });
    case 'GET retained':
      return second === undefined
        ? ok({ ...retainedPage(cluster, request.query), ...gathered })
        : retained(cluster, request);
    case 'DELETE retained':
      return second === undefined ? deleteByFilter(cluster, request) : deleteOne(cluster, request);
    case 'GET subscriptions':
      return ok({
        items: [
          { client: 'scada-0004', filter: 'plant/#', qos: 1, shared: false, connected: true, member: 'm4' },
          {
            client: 'sensor-line1-0005',
            filter: 'plant/+/value',
            qos: 2,
            shared: false,
            connected: false,
            member: null,
          },
        ],
        next: null,
        ...gathered,
      });
    case 'GET events': {
      const wanted = request.query.get('client');
      const events = cluster.events.filter((event) => wanted === null || event.client === wanted);
      return ok({ events, next: null, ...gathered });
    }
    case 'GET settings':
      return ok(cluster.settings);
    case 'PATCH settings':
      cluster.settings = { ...cluster.settings, ...(body as Record<string, number | string>) };
      return ok({});
    case 'GET members':
      return ok(effect(String(second), request.query.get('action') ?? ''));
    case 'GET users':
      return ok({ version: 1, users: cluster.users });
    case 'GET rules':
      return ok({ version: 1, rules: cluster.rules });
    case 'GET links':
      return ok({ links: cluster.links, ...gathered });
    case 'PUT links':
      return putLink(cluster, String(second), body);
    case 'POST links':
      if (third === 'test') return ok({ ok: true, text: 'mqtt://10.0.9.1:1883: accepted the connection' });
      setPaused(cluster, String(second), third === 'pause');
      return ok({ ok: true, text: `the link ${second} is ${third}d` });
    case 'DELETE links':
      cluster.links = cluster.links.filter(({ name }) => name !== second);
      return ok({ ok: true, text: `the link ${second} is removed` });
    case 'GET lab':
      return ok({ ...cluster.lab, atMs: Date.now() });
    case 'POST lab':
      cluster.lab = {
        ...cluster.lab,
        history: [...cluster.lab.history, { atMs: Date.now(), text: String(body['fault']) }],
      };
      return ok({});
    default:
      return method === 'GET' ? problem(404, `There is no ${path}.`) : ok({});
  }
}

function putLink(cluster: FakeCluster, name: string, body: Record<string, unknown>): Reply {
  if (!Array.isArray(body['addresses'])) return problem(400, 'addresses: must be an array');
  cluster.links = [...cluster.links, fakeLink(name)];
  return ok({ ok: true, text: `the link ${name} is defined` });
}

function setPaused(cluster: FakeCluster, name: string, isPaused: boolean): void {
  cluster.links = cluster.links.map((link) =>
    link.name === name ? { ...link, state: isPaused ? 'paused' : 'connecting' } : link,
  );
}

function pageOf<Item>(items: readonly Item[], query: URLSearchParams) {
  const from = Number(query.get('after') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  return {
    items: items.slice(from, from + limit),
    next: from + limit < items.length ? String(from + limit) : null,
  };
}

function clientPage(cluster: FakeCluster, query: URLSearchParams) {
  const matches = cluster.clients.filter(
    (item) =>
      item.id.includes(query.get('id') ?? '') &&
      [null, item.user].includes(query.get('user')) &&
      [null, item.address].includes(query.get('address')) &&
      [null, item.member].includes(query.get('member')) &&
      [null, String(item.connected)].includes(query.get('connected')),
  );
  return pageOf(
    matches.map(({ events: _, ...summary }) => summary),
    query,
  );
}

function client(cluster: FakeCluster, id: string): Reply {
  const detail = cluster.detail(id);
  return detail === null ? problem(404, `The cluster has no session of ${id}.`) : ok(detail);
}

function disconnect(cluster: FakeCluster, ids: readonly string[]) {
  const connected = cluster.clients.filter((item) => item.connected && ids.includes(item.id));
  cluster.clients = cluster.clients.map((item) =>
    connected.includes(item) ? { ...item, connected: false, member: null } : item,
  );
  return {
    ended: connected.length,
    notConnected: ids.filter((id) => !connected.some((item) => item.id === id)),
  };
}

/** Matches filters with a # at their end, which is what the tests use. */
function matching(cluster: FakeCluster, filter: string | null) {
  const prefix = (filter ?? '#').replace(/#$/, '');
  return cluster.retained.filter(({ topic }) => topic.startsWith(prefix));
}

function retainedPage(cluster: FakeCluster, query: URLSearchParams) {
  const items = matching(cluster, query.get('filter')).map(
    ({ payload: _, properties: __, ...summary }) => summary,
  );
  return pageOf(items, query);
}

function retained(cluster: FakeCluster, { query }: Request): Reply {
  const message = cluster.retained.find(({ topic }) => topic === query.get('topic'));
  return message === undefined ? problem(404, 'This topic has no retained message.') : ok(message);
}

function deleteOne(cluster: FakeCluster, { query }: Request): Reply {
  const before = cluster.retained.length;
  cluster.retained = cluster.retained.filter(({ topic }) => topic !== query.get('topic'));
  return ok({ deleted: cluster.retained.length < before });
}

function deleteByFilter(cluster: FakeCluster, { query }: Request): Reply {
  const all = matching(cluster, query.get('filter'));
  const dryRun = query.get('dryRun') === 'true';
  const limit = Math.min(Number(query.get('limit') ?? Infinity), cluster.deletedAtOnceMax);
  const found = dryRun ? all : all.slice(0, limit);
  if (!dryRun) cluster.retained = cluster.retained.filter((message) => !found.includes(message));
  const next = found.length < all.length ? found.at(-1)!.topic : null;
  return ok({ matched: found.length, deleted: dryRun ? 0 : found.length, dryRun, next });
}

function effect(id: string, action: string) {
  if (action === 'remove')
    return {
      allowed: true,
      votersNow: 7,
      votersAfter: 6,
      majorityAfter: true,
      text: `Without ${id} the cluster has 6 voters. 4 of them are a majority, so 2 may fail; now 3 may fail.`,
    };
  if (action === 'drain')
    return {
      allowed: true,
      votersNow: 7,
      votersAfter: 7,
      majorityAfter: true,
      text: `${id} stays a voter. Its 20 clients move to the other members at 100 a second.`,
    };
  return {
    allowed: false,
    votersNow: 7,
    votersAfter: 7,
    majorityAfter: true,
    text: `${id} is a member already.`,
  };
}
