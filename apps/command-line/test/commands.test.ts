import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answering, FakeApi, gaps } from './support/fake-api.ts';
import type { Handler } from './support/fake-api.ts';
import { run } from './support/run.ts';

let directory: string;
let api: FakeApi;

beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'command-line-'))));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => api.stop());

async function against(handler: Handler, ...argv: string[]): ReturnType<typeof run> {
  api = await FakeApi.start(handler);
  return run([...argv, '--server', api.url]);
}

function client(id: string): object {
  return {
    id,
    connected: true,
    member: 'm1',
    user: null,
    protocol: '5.0',
    address: '10.0.1.7',
    listener: 'tcp',
    connectedSinceMs: 0,
    clean: false,
    expirySeconds: 3600,
    subscriptions: 2,
    queuedMessages: 3,
    queuedBytes: 300,
    inFlight: 0,
    dropped: 0,
  };
}

/** Serves clients in pages, as the API does: the cursor is the last id. */
function pagesOf(ids: readonly string[]): Handler {
  return ({ path }) => {
    const query = new URL(path, 'http://x').searchParams;
    const after = query.get('after');
    const start = after === null ? 0 : ids.indexOf(after) + 1;
    const page = ids.slice(start, start + Number(query.get('limit')));
    const next = start + page.length < ids.length ? page.at(-1) : null;
    return { body: { items: page.map(client), next, unreachable: ['m3'], tooOld: [] } };
  };
}

const manyIds = Array.from({ length: 1_203 }, (_, index) => `c${String(index).padStart(5, '0')}`);

test('clients gathers all pages, and prints which members did not answer', async () => {
  const { status, out, err } = await against(pagesOf(manyIds), 'clients');
  expect(status).toBe(0);
  const lines = out.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^CLIENT +MEMBER +USER +ADDRESS/);
  expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual(manyIds);
  expect(err).toContain('m3 did not answer');
});

test('clients --json prints one value, with the cursor of the rest beyond --limit', async () => {
  const { out, err } = await against(pagesOf(manyIds), 'clients', '--json', '--limit', '700');
  const { items, next, unreachable } = JSON.parse(out);
  expect(items).toHaveLength(700);
  expect({ next, unreachable }).toEqual({ next: 'c00699', unreachable: ['m3'] });
  expect(err).toContain('more than 700 clients: --limit N prints more');
});

test('clients stops if a server repeats a cursor', async () => {
  const handler = (): object => ({ body: { items: [], next: 'again', ...gaps } });
  const { status, err } = await against(handler, 'clients');
  expect(status).toBe(1);
  expect(err).toContain('repeats a page');
});

test('clients passes its filters', async () => {
  await against(
    pagesOf([]),
    'clients',
    '--id',
    'a b',
    '--client-user',
    'ann',
    '--member',
    'm1',
    '--connected',
  );
  const query = new URL(api.requests[0]!.path, 'http://x').searchParams;
  expect(Object.fromEntries(query)).toEqual({
    limit: '500',
    id: 'a b',
    user: 'ann',
    member: 'm1',
    connected: 'true',
  });
});

test('a table shows control characters as escapes, so that a client id cannot control the terminal', async () => {
  const { out } = await against(pagesOf(['evil\u001b[2J\nm9']), 'clients');
  expect(out).toContain('evil\\u001b[2J\\u000am9');
});

test('clients show prints the session and its subscriptions', async () => {
  const details = {
    ...client('a/b'),
    keepAliveSeconds: 60,
    receiveMaximum: 100,
    owner: null,
    will: { topic: 'will', qos: 1, retain: true, delaySeconds: 5, payloadBytes: 4 },
    subscriptionList: [{ filter: 'x/#', qos: 1, noLocal: false, retainAsPublished: false }],
    lastDisconnect: { atMs: 0, reason: 'keep-alive timeout', member: 'm2' },
    events: [{ atMs: 0, member: 'm1', kind: 'connected', text: 'a/b connected.' }],
    ...gaps,
  };
  const { out } = await against(answering({ 'GET /clients/a%2Fb': details }), 'clients', 'show', 'a/b');
  expect(out).toContain('3 messages, 300 B');
  expect(out).toContain('at m2: keep-alive timeout');
  expect(out).toContain('will, QoS 1, 4 B, retained, after 5 s');
  expect(out).toMatch(/x\/# +1 /);
  expect(out).toContain('a/b connected.');
});

test('clients disconnect sends batches, and exits with 1 if a client was not connected', async () => {
  const handler: Handler = ({ body }) => {
    const { ids } = body as { ids: string[] };
    const notConnected = ids.filter((id) => id === 'c01100');
    return { body: { ended: ids.length - notConnected.length, notConnected, ...gaps } };
  };
  const { status, out, err } = await against(handler, 'clients', 'disconnect', ...manyIds);
  expect(status).toBe(1);
  expect(out).toBe('1202 connections closed\n');
  expect(err).toBe('Not connected: c01100.\n');
  expect(api.requests.map(({ body }) => (body as { ids: string[] }).ids.length)).toEqual([1_000, 203]);
});

test.each([
  { deleted: true, status: 0 },
  { deleted: false, status: 1 },
])('sessions delete exits with $status if deleted is $deleted', async ({ deleted, status }) => {
  const handler = answering({ 'DELETE /clients/x/session': { deleted } });
  expect((await against(handler, 'sessions', 'delete', 'x')).status).toBe(status);
});

test('retained delete --dry-run asks only for the count', async () => {
  const handler = answering({ 'DELETE /retained': { matched: 7, deleted: 0, dryRun: true, next: null } });
  const { out } = await against(handler, 'retained', 'delete', 'a/#', '--dry-run');
  expect(out).toBe('7 retained messages would be deleted\n');
  expect(api.requests[0]?.path).toBe('/retained?filter=a%2F%23&dryRun=true');
});

test('retained delete without --dry-run deletes', async () => {
  const handler = answering({ 'DELETE /retained': { matched: 7, deleted: 7, dryRun: false, next: null } });
  const { out } = await against(handler, 'retained', 'delete', 'a/#');
  expect(out).toBe('7 of 7 retained messages deleted\n');
  expect(api.requests[0]?.path).toContain('dryRun=false');
});

test('retained delete takes as many requests as needed, and prints the sum', async () => {
  const answers = [
    { matched: 2_000, deleted: 1_999, dryRun: false, next: 'c1' },
    { matched: 5, deleted: 5, dryRun: false, next: null },
  ];
  const { out } = await against(() => ({ body: answers.shift() }), 'retained', 'delete', 'a/#');
  expect(out).toBe('2004 of 2005 retained messages deleted\n');
  expect(api.requests.map(({ path }) => path)).toEqual([
    '/retained?filter=a%2F%23&dryRun=false&limit=2000',
    '/retained?filter=a%2F%23&dryRun=false&limit=2000&after=c1',
  ]);
});

test('retained delete ends after an answer without the cursor', async () => {
  const answers = [{ body: { matched: 5, deleted: 5, dryRun: false } }];
  const { status, out } = await against(() => answers.shift() ?? 'close', 'retained', 'delete', 'a/#');
  expect({ status, out }).toEqual({ status: 0, out: '5 of 5 retained messages deleted\n' });
});

test('retained delete ends with an error if the server repeats its cursor', async () => {
  const part = { body: { matched: 5, deleted: 5, dryRun: false, next: 'c1' } };
  const answers = [part, part];
  const { status, err } = await against(() => answers.shift() ?? 'close', 'retained', 'delete', 'a/#');
  expect(status).toBe(1);
  expect(err).toContain('the server repeats a part of the deletion: ask another member');
});

test('a list ends after an answer without the cursor', async () => {
  const answers = [{ body: { items: [client('c1')], ...gaps } }];
  const { status, out } = await against(() => answers.shift() ?? 'close', 'clients', '--json');
  expect(status).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ items: [{ id: 'c1' }], next: null });
});

test('retained delete that fails says how many messages it has deleted before', async () => {
  const problem = { type: 'about:blank', title: '', status: 409, detail: 'No.' };
  const answers = [
    { body: { matched: 2_000, deleted: 2_000, dryRun: false, next: 'c1' } },
    { status: 409, body: problem },
  ];
  const { status, out, err } = await against(() => answers.shift()!, 'retained', 'delete', 'a/#');
  expect({ status, out }).toEqual({ status: 1, out: '' });
  expect(err).toContain('2000 retained messages deleted before this failure.\n');
});

test('retained prints text payloads as text and others as hexadecimal digits', async () => {
  const item = (topic: string, payload: Buffer): object => ({
    topic,
    qos: 1,
    payloadBytes: payload.length,
    payloadPreview: payload.toString('base64'),
    expiresInSeconds: null,
  });
  const items = [item('t/1', Buffer.from('71,5 °C')), item('t/2', Buffer.from([0xff, 0x00]))];
  const handler = answering({ 'GET /retained': { items, next: null, ...gaps } });
  const { out } = await against(handler, 'retained', 'list', 't/#');
  expect(out).toMatch(/t\/1 .* 71,5 °C\n/);
  expect(out).toMatch(/t\/2 .* 0xff00\n/);
});

test('publish says that a message with QoS 0 was accepted, not that it was acknowledged', async () => {
  const handler = answering({ 'POST /publish': { acknowledged: false } });
  const { out } = await against(handler, 'publish', 't', 'x');
  expect(out).toBe('accepted; QoS 0 has no acknowledgement\n');
});

test('publish sends a file as base64, with the properties', async () => {
  const file = join(directory, 'payload');
  writeFileSync(file, Buffer.from([0, 255]));
  const handler = answering({ 'POST /publish': { acknowledged: true, noSubscribers: true } });
  const options = ['--qos', '1', '--retain', '--property', 'a=b=c', '--expiry', '60'];
  const { out } = await against(handler, 'publish', 't', '--file', file, ...options);
  expect(out).toBe('acknowledged; no session has a matching subscription\n');
  expect(api.requests[0]?.body).toEqual({
    topic: 't',
    payload: 'AP8=',
    encoding: 'base64',
    qos: 1,
    retain: true,
    properties: { userProperties: [['a', 'b=c']], messageExpiryInterval: 60 },
  });
});

const message = { topic: 't', payload: Buffer.from('1').toString('base64'), qos: 1, retain: false };

test('subscribe prints a line for each message, and skips comments', async () => {
  const stream = `: ready\n\ndata: ${JSON.stringify(message)}\n\n: quiet\n\ndata: ${JSON.stringify(message)}\n\n`;
  const { status, out } = await against(
    () => ({ stream }),
    'subscribe',
    't',
    '--count',
    '2',
    '--seconds',
    '5',
  );
  expect({ status, out }).toEqual({ status: 0, out: 't 1\nt 1\n' });
  expect(api.requests[0]?.path).toBe('/subscribe?filter=t&qos=0&seconds=5&max=2');
});

test('subscribe --json prints one line of JSON for each message', async () => {
  const stream = `data: ${JSON.stringify(message)}\n\n`;
  const { out } = await against(() => ({ stream }), 'subscribe', 't', '--json');
  expect(JSON.parse(out)).toEqual(message);
  expect(out.trimEnd().split('\n')).toHaveLength(1);
});

test('subscribe exits with 1 if fewer messages than --count arrive', async () => {
  const stream = `data: ${JSON.stringify(message)}\n\n`;
  const { status, err } = await against(() => ({ stream }), 'subscribe', 't', '--count', '2');
  expect(status).toBe(1);
  expect(err).toContain('1 of 2 messages arrived within 60 s');
});

test('trace prints direction, packet and decision, and asks for payloads only with --payload', async () => {
  const item = {
    atMs: 0,
    member: 'm1',
    client: 'boiler-7',
    direction: 'in',
    packet: 'publish',
    topic: 't',
    qos: 1,
    bytes: 12,
    decision: 'refused by rule 3',
  };
  const stream = `data: ${JSON.stringify(item)}\n\n`;
  const { out } = await against(() => ({ stream }), 'trace', '--client', 'boiler-7');
  expect(out).toContain('m1 <- boiler-7  publish topic=t qos=1 12 B : refused by rule 3');
  expect(api.requests[0]?.path).toBe('/trace?client=boiler-7&seconds=60');
});

test('trace reports missing members and lost packets as notes, not as packets', async () => {
  const missing = { unreachable: ['m3'], tooOld: ['m4'] };
  const stream =
    `event: missing\ndata: ${JSON.stringify(missing)}\n\n` +
    `event: lost\ndata: ${JSON.stringify({ member: 'm2', lines: 7 })}\n\n`;
  const { out, err } = await against(() => ({ stream }), 'trace', '--client', 'boiler-7');
  expect(out).toBe('');
  expect(err).toContain('m3 did not answer');
  expect(err).toContain('m4');
  expect(err).toContain('The trace lost 7 packets of m2, because they were read too slowly.');
  expect(err).toContain('after 0 packets');
});

test.each([
  { argv: ['trace', '--client', 'x'], sentence: 'Tracing for 60 s; Ctrl-C ends the command.' },
  { argv: ['subscribe', 't'], sentence: 'Waiting for messages for 60 s; Ctrl-C ends the command.' },
])('$argv prints at a terminal at once how long it takes', async ({ argv, sentence }) => {
  api = await FakeApi.start(() => ({ stream: '' }));
  const { out, err } = await run([...argv, '--server', api.url], {}, { interactive: true });
  expect(out).toBe('');
  expect(err.split('\n')[0]).toBe(sentence);
});

test('a stream that ends with an error fails with its sentence', async () => {
  const detail = 'The trace was ended: another trace has started.';
  const stream = `event: error\ndata: ${JSON.stringify({ detail })}\n\n`;
  const { status, err } = await against(() => ({ stream }), 'trace', '--client', 'x');
  expect(status).toBe(1);
  expect(err).toBe(`mqtt-cluster: ${detail}\n`);
});

test('events names the client of an event', async () => {
  const event = {
    atMs: 0,
    member: 'm1',
    kind: 'connected',
    client: 'boiler-7',
    text: 'the client connected',
  };
  const { out } = await against(
    answering({ 'GET /events': { events: [event], next: null, ...gaps } }),
    'events',
  );
  expect(out).toContain('m1  connected  boiler-7: the client connected');
});

test('events prints the newest event at the end', async () => {
  const event = (text: string): object => ({ atMs: 0, member: 'm1', kind: 'elected', text });
  const body = { events: [event('second'), event('first')], next: null, ...gaps };
  const { out } = await against(answering({ 'GET /events': body }), 'events');
  expect(out.indexOf('first')).toBeLessThan(out.indexOf('second'));
});

const member = {
  id: 'm1',
  address: '10.0.0.51:7883',
  reachable: true,
  state: 'serving',
  reason: '',
  role: 'leader',
  leader: 'm1',
  term: 3,
  appliedIndex: 10,
  lag: 0,
  clients: 4,
  sessions: 9,
  urls: [],
  load: 0,
};

test('status prints problems in words, and exits with 1 if one is critical', async () => {
  const overview = {
    cluster: 'plant',
    member: 'm1',
    version: '1.0.0',
    atMs: 0,
    problems: [{ severity: 'critical', text: 'The cluster has no majority.' }],
    members: [member, { ...member, id: 'm2', reachable: false, state: null, role: null, clients: null }],
    unreachable: ['m2'],
    tooOld: [],
  };
  const { status, out, err } = await against(answering({ 'GET /overview': overview }), 'status');
  expect(status).toBe(1);
  expect(out).toContain('critical: The cluster has no majority.');
  expect(out).toMatch(/m1 +leader +serving +0 +4 +9/);
  expect(err).toContain('m2 did not answer');
});

test.each([
  { healthy: true, http: 200, status: 0 },
  { healthy: false, http: 503, status: 1 },
])('health exits with $status if healthy is $healthy', async ({ healthy, http, status }) => {
  const body = {
    healthy,
    reason: 'm2 is unreachable',
    leader: 'm1',
    term: 3,
    voters: 3,
    majority: true,
    members: [],
  };
  const result = await against(() => ({ status: http, body }), 'health');
  expect(result.status).toBe(status);
  expect(result.out).toContain(healthy ? 'healthy\n' : 'NOT healthy: m2 is unreachable');
});

test('remove --dry-run prints the effect, changes nothing, and exits with 1 if it is not allowed', async () => {
  const effect = {
    allowed: false,
    votersNow: 3,
    votersAfter: 2,
    majorityAfter: 2,
    text: 'm2 is the last one.',
  };
  const handler = answering({ 'GET /members/m2/change-effect': effect });
  const { status, out } = await against(handler, 'remove', 'm2', '--dry-run');
  expect(status).toBe(1);
  expect(out).toContain('m2 is the last one.');
  expect(api.requests.map(({ method }) => method)).toEqual(['GET']);
});

test('drain waits until the member reports the end of the drain, and prints the progress', async () => {
  const reports = [
    { role: 'leader', clients: 2, drained: false },
    { role: 'leader', clients: 0, drained: false },
    { role: 'follower', clients: 0, drained: false },
  ];
  const handler: Handler = ({ method }) => {
    if (method === 'POST') return { status: 202, body: { ok: true, text: '' } };
    const report = reports.shift() ?? { role: 'follower', clients: 0, drained: true };
    return { body: { members: [{ ...member, ...report }], ...gaps } };
  };
  const { status, out, err } = await against(handler, 'drain', 'm1');
  expect({ status, out }).toEqual({ status: 0, out: 'm1 is drained\n' });
  expect(err.trim().split('\n')).toEqual([
    'draining: 2 clients connected',
    'draining: no clients connected, transferring leadership',
    'draining: no clients connected, waiting for the moved clients',
  ]);
});

test('drain of the only member ends although it still leads', async () => {
  const handler: Handler = ({ method }) =>
    method === 'POST'
      ? { status: 202, body: { ok: true, text: '' } }
      : { body: { members: [{ ...member, role: 'leader', clients: 0, drained: true }], ...gaps } };
  const { status, out } = await against(handler, 'drain', 'm1', '--wait', '1');
  expect({ status, out }).toEqual({ status: 0, out: 'm1 is drained\n' });
});

test('drain of an older member waits until it has no clients and does not lead', async () => {
  const clients = [2, 0];
  const handler: Handler = ({ method }) =>
    method === 'POST'
      ? { status: 202, body: { ok: true, text: '' } }
      : { body: { members: [{ ...member, role: 'follower', clients: clients.shift() ?? 0 }], ...gaps } };
  const { status, out, err } = await against(handler, 'drain', 'm1');
  expect({ status, out }).toEqual({ status: 0, out: 'm1 is drained\n' });
  expect(err).toContain('draining: 2 clients connected');
});

test('drain --exit waits while the drained member answers with errors, until it does not answer', async () => {
  const answers = [
    { status: 500, body: { type: 'about:blank', title: '', status: 500, detail: 'it stops' } },
  ];
  const handler: Handler = ({ method }) => {
    if (method === 'POST') return { status: 202, body: { ok: true, text: '' } };
    return answers.shift() ?? 'close';
  };
  const { status, out, err } = await against(handler, 'drain', 'm1', '--exit');
  expect({ status, out }).toEqual({ status: 0, out: 'm1 is drained, and its process has ended\n' });
  expect(err).toBe('draining: it stops\n');
});

test('add waits until the member votes', async () => {
  const roles = ['learner', 'follower'];
  const handler: Handler = ({ method }) =>
    method === 'POST'
      ? { body: { ok: true, text: '' } }
      : { body: { members: [{ ...member, role: roles.shift(), lag: 5 }], ...gaps } };
  const { out, err } = await against(handler, 'add', 'm1');
  expect(out).toBe('m1 is a member and votes\n');
  expect(err).toContain('m1 is a learner, 5 entries behind');
});

test('settings sends numbers as numbers', async () => {
  const handler = answering({ 'PATCH /settings': { drainPerSecond: 500 } });
  const { out } = await against(handler, 'settings', 'drainPerSecond=500', 'queueFull=refuse');
  expect(out).toBe('drainPerSecond  500\n');
  expect(api.requests[0]?.body).toEqual({ drainPerSecond: 500, queueFull: 'refuse' });
});

function backupOf(state: Buffer, sha256 = createHash('sha256').update(state).digest('hex')): Buffer {
  const header = { format: 'mqtt-cluster-backup', version: 1, index: 7, bytes: state.length, sha256 };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), state]);
}

test('backup writes a file that only its owner can read', async () => {
  const file = join(directory, 'good.backup');
  const bytes = backupOf(Buffer.from('state\nof the cluster'));
  const { status, out } = await against(() => ({ bytes }), 'backup', file);
  expect(status).toBe(0);
  expect(out).toContain('the state after entry 7');
  expect(api.requests.map(({ path }) => path)).toEqual(['/backup']);
  expect(readFileSync(file)).toEqual(bytes);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('backup --stale asks for the last state of a member without a majority', async () => {
  const bytes = backupOf(Buffer.from('state'));
  await against(() => ({ bytes }), 'backup', join(directory, 'stale.backup'), '--stale');
  expect(api.requests.map(({ path }) => path)).toEqual(['/backup?stale=true']);
});

test('backup writes nothing if the checksum differs', async () => {
  const file = join(directory, 'bad.backup');
  const { status, err } = await against(
    () => ({ bytes: backupOf(Buffer.from('state'), '00') }),
    'backup',
    file,
  );
  expect(status).toBe(1);
  expect(err).toContain('the checksum differs');
  expect(() => statSync(file)).toThrow();
});

test('users add sends the password of a file', async () => {
  const file = join(directory, 'password');
  writeFileSync(file, 'sesame\n');
  const handler = answering({ 'PUT /users/ann': { ok: true, text: 'user ann added' } });
  const fields = ['--groups', 'plant, line-3', '--role', 'operator', '--password-file', file];
  await against(handler, 'users', 'add', 'ann', ...fields);
  expect(api.requests[0]?.body).toEqual({
    mode: 'create',
    password: 'sesame',
    groups: ['plant', 'line-3'],
    role: 'operator',
  });
});

test('rules show prints a file that rules check accepts and rules set sends', async () => {
  const rules = [{ effect: 'allow', actions: ['publish'], topics: ['a/#'] }];
  const handler = answering({
    'GET /rules': { version: 1, rules },
    'PUT /rules': { ok: true, text: '1 rule is in force' },
  });
  const shown = await against(handler, 'rules', 'show');
  const file = join(directory, 'rules.json');
  writeFileSync(file, shown.out);
  expect((await run(['rules', 'check', file])).out).toBe(`${file}: 1 rule, no errors\n`);
  expect(await run(['rules', 'set', file, '--server', api.url])).toMatchObject({ status: 0 });
  expect(api.requests.at(-1)?.body).toEqual({ rules });
});
