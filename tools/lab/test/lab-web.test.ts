import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../src/cluster/cluster.ts';
import type { MemberPlace } from '../src/layout.ts';
import { LabWeb } from '../src/web/lab-web.ts';
import type { LabState } from '../src/web/lab-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'lab-web-'));
const page = '<!doctype html><title>console</title>';

/** A member that answers `/api/v1/me` and names itself, and records the requests that it receives. */
class FakeMember {
  readonly received: IncomingMessage[] = [];
  isRunning = true;
  readonly place: MemberPlace;
  readonly #server: Server;

  private constructor(id: string, server: Server) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    const number = Number(id.slice(1));
    this.place = { id, number, host: '127.0.0.1', mqttPort: 0, httpPort: port, clusterPort: 0 };
  }

  static async start(id: string): Promise<FakeMember> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const member = new FakeMember(id, server);
    server.on('request', (incoming, response) => {
      member.received.push(incoming);
      incoming.resume();
      response.setHeader('content-type', 'application/json');
      response.setHeader('set-cookie', 'mqtt-cluster=abc');
      if (incoming.url === '/api/v1/silent') return;
      if (incoming.url === '/api/v1/stream') {
        response.write('data: 1\n\n');
        setTimeout(() => incoming.socket.destroy(), 50);
        return;
      }
      const me = { user: null, role: 'admin', lab: false, anonymous: true };
      response.end(JSON.stringify(incoming.url === '/api/v1/me' ? me : { member: id }));
    });
    server.on('upgrade', (incoming, socket) => {
      member.received.push(incoming);
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nat ${id}`,
      );
    });
    return member;
  }

  /** Ends the member: its port refuses connections. */
  async end(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let members: FakeMember[];
let web: LabWeb;
let faults: { action: string; groups: readonly (readonly string[])[]; value: number | undefined }[];

beforeEach(async () => {
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'index.html'), page);
  members = await Promise.all(['m1', 'm2', 'm3'].map((id) => FakeMember.start(id)));
  faults = [];
  const cluster = {
    layout: { members: members.map(({ place }) => place) },
    isRunning: (place: MemberPlace) => members.find((each) => each.place === place)!.isRunning,
    processes: () =>
      members.map(({ place: { id }, isRunning }) => ({
        id,
        process: isRunning ? 'running' : 'killed',
        link: 'ok',
        faults: '',
      })),
    fault: async (action: string, groups: readonly (readonly string[])[], value?: number) => {
      if (action === 'resume') throw new Error('m1 is not running');
      faults.push({ action, groups, value });
    },
  } as unknown as Cluster;
  web = new LabWeb({ cluster, load: null, folder });
  await web.open();
});

afterEach(async () => {
  web.close();
  await Promise.all(members.map((member) => member.end().catch(() => undefined)));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

/** Sends a request with headers that fetch does not permit. */
function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = new URL(web.url);
    const options = { host: url.hostname, port: url.port, method, path, headers, agent: false };
    const sent = request(options, (response) => {
      let text = '';
      response.on('data', (data) => (text += String(data)));
      const done = (): void => resolve({ code: response.statusCode ?? 0, text, headers: response.headers });
      response.on('end', done);
      response.on('error', reject);
    });
    sent.on('upgrade', (_response, _socket, head) => resolve({ code: 101, text: String(head), headers: {} }));
    sent.on('error', reject);
    sent.end(body);
  });
}

const change = { 'x-mqtt-cluster': '1' };
const inject = (fault: unknown): Promise<Answer> =>
  send('POST', '/lab/faults', change, JSON.stringify(fault === undefined ? {} : { fault }));

test('the page is served with its policy, and outlives the member that answers its requests', async () => {
  const { text, headers } = await send('GET', '/');
  expect(text).toBe(page);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  const first = JSON.parse((await send('GET', '/api/v1/members')).text) as { member: string };
  const killed = members.find(({ place }) => place.id === first.member)!;
  await killed.end();
  // The process of the lab may observe the end of the member later than the page.
  const next = JSON.parse((await send('GET', '/api/v1/members')).text) as { member: string };
  expect(next.member).not.toBe(first.member);
  expect((await send('GET', '/')).text).toBe(page);
});

test('requests stay at one member while it runs, and a paused member gets none', async () => {
  for (let times = 0; times < 5; times++) await send('GET', '/api/v1/members');
  expect(members.map(({ received }) => received.length)).toEqual([5, 0, 0]);
  members[0]!.isRunning = false;
  await send('GET', '/api/v1/members');
  members[0]!.isRunning = true;
  await send('GET', '/api/v1/members');
  expect(members.map(({ received }) => received.length)).toEqual([5, 2, 0]);
});

test('without a member that runs, the answer says so', async () => {
  for (const member of members) member.isRunning = false;
  const { code, text } = await send('GET', '/api/v1/members');
  expect([code, JSON.parse(text)]).toEqual([
    503,
    expect.objectContaining({ detail: expect.stringContaining('no member') }),
  ]);
});

test('a member gets the cookie and the credentials, but nothing that describes the page', async () => {
  const url = new URL(web.url);
  const headers = {
    origin: url.origin,
    referer: web.url,
    'sec-fetch-site': 'same-origin',
    cookie: 'mqtt-cluster=abc',
    authorization: 'Bearer x',
    'content-type': 'application/json',
    ...change,
  };
  const answer = await send('POST', '/api/v1/publish', headers, '{"topic":"x"}');
  expect(answer.headers['set-cookie']).toEqual(['mqtt-cluster=abc']);
  const [got] = members[0]!.received;
  expect(got!.headers).toMatchObject({
    host: `127.0.0.1:${members[0]!.place.httpPort}`,
    cookie: 'mqtt-cluster=abc',
    authorization: 'Bearer x',
    'content-length': '13',
    ...change,
  });
  for (const name of ['origin', 'referer', 'sec-fetch-site', 'forwarded', 'x-forwarded-for'])
    expect(got!.headers).not.toHaveProperty(name);
});

test('the page learns that it comes from the lab', async () => {
  expect(JSON.parse((await send('GET', '/api/v1/me')).text)).toMatchObject({ role: 'admin', lab: true });
});

test('a change that a member may have received is not sent to another member', async () => {
  const answer = await send('POST', '/api/v1/silent', change, '{}');
  expect(answer.code).toBe(504);
  expect(members.map(({ received }) => received.length)).toEqual([1, 0, 0]);
});

test('a stream of a member that ends in the middle breaks off', async () => {
  await expect(send('GET', '/api/v1/stream')).rejects.toThrow();
});

test('the WebSocket goes to a member that runs', async () => {
  members[0]!.isRunning = false;
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-protocol': 'mqtt' };
  const url = new URL(web.url);
  expect(await send('GET', '/mqtt', { ...upgrade, origin: url.origin })).toMatchObject({
    code: 101,
    text: 'at m2',
  });
  expect(members[1]!.received[0]!.headers).toMatchObject({
    'sec-websocket-protocol': 'mqtt',
    upgrade: 'websocket',
  });
  expect(members[1]!.received[0]!.headers).not.toHaveProperty('origin');
  expect((await send('GET', '/other', upgrade)).code).toBe(404);
});

test.each([
  ['kill:3', 'kill', [['m3']], undefined],
  ['cut:1+2/3', 'cut', [['m1', 'm2'], ['m3']], undefined],
  ['slow-disk:2=200ms', 'slow-disk', [['m2']], 200],
  ['heal', 'heal', [], undefined],
])('the fault %s is injected and recorded', async (fault, action, groups, value) => {
  expect((await inject(fault)).code).toBe(200);
  expect(faults).toEqual([{ action, groups, value }]);
  const state = JSON.parse((await send('GET', '/lab/state')).text) as LabState;
  expect(state.history).toEqual([{ atMs: expect.any(Number), text: fault }]);
});

test.each([['explode:1'], ['kill:9'], ['kill'], [''], ['kill:1; rm'], [7], [undefined]])(
  'the fault %j is refused with one sentence, and nothing happens',
  async (fault) => {
    const { code, text } = await inject(fault);
    expect([code, JSON.parse(text)]).toEqual([
      400,
      expect.objectContaining({ status: 400, detail: expect.any(String) }),
    ]);
    expect(faults).toEqual([]);
  },
);

test('a fault that cannot be injected is recorded with the reason', async () => {
  expect((await inject('resume:1')).code).toBe(409);
  const { history } = JSON.parse((await send('GET', '/lab/state')).text) as LabState;
  expect(history).toEqual([{ atMs: expect.any(Number), text: 'resume:1', error: 'm1 is not running' }]);
});

test('the state names the processes and all faults of "lab fault"', async () => {
  members[2]!.isRunning = false;
  const { members: shown, faults: forms } = JSON.parse((await send('GET', '/lab/state')).text) as LabState;
  expect(shown.map(({ id, process }) => `${id} ${process}`)).toEqual([
    'm1 running',
    'm2 running',
    'm3 ended',
  ]);
  expect(forms.map(({ action }) => action)).toEqual([
    ...['kill', 'stop', 'start', 'pause', 'resume', 'wipe', 'rolling', 'cut', 'one-way', 'flap', 'slow'],
    ...['loss', 'throttle', 'full-disk', 'slow-disk', 'clock', 'heal'],
  ]);
  expect(forms.find(({ action }) => action === 'slow-disk')).toEqual({
    action: 'slow-disk',
    members: 'some',
    value: { example: '200ms', required: true },
  });
});

test.each([
  ['a page of another site', { origin: 'http://evil.example', ...change }],
  ['a page of another program on this host', { origin: 'http://127.0.0.1:1', ...change }],
  ['a rebound DNS name', { host: 'rebound.example', ...change }],
  ['a request without the header of changes', {}],
])('%s kills no member and reaches none', async (_page, headers) => {
  const isWithoutHeader = !('x-mqtt-cluster' in headers);
  for (const path of ['/lab/faults', '/api/v1/publish'])
    expect([403, 421]).toContain((await send('POST', path, headers, '{"fault":"kill:1"}')).code);
  if (!isWithoutHeader) {
    for (const path of ['/', '/lab/state', '/api/v1/members'])
      expect([403, 421]).toContain((await send('GET', path, headers)).code);
    const upgrade = { connection: 'Upgrade', upgrade: 'websocket', ...headers };
    expect([403, 421]).toContain((await send('GET', '/mqtt', upgrade)).code);
  }
  expect(faults).toEqual([]);
  expect(members.flatMap(({ received }) => received)).toEqual([]);
});

test('a body that is too large is refused', async () => {
  expect((await inject('x'.repeat(5_000))).code).toBe(400);
  expect((await send('POST', '/api/v1/publish', change, 'x'.repeat(1_100_000))).code).toBe(413);
});
