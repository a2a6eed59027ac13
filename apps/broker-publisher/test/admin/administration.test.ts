import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient, IncomingMessage } from '@mqtt-cluster/failover-client';
import { administer } from '../../src/admin/command-line.ts';
import { Loopback } from '../../src/health/self-probe.ts';
import { Appliances, freePorts, host, until } from '../support/harness.ts';

let directory: string;
let cluster: Appliances;
let clients: FailoverClient[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'administration-'));
  clients = [];
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.stop()));
  await cluster.stopAll();
  rmSync(directory, { recursive: true });
});

async function start(...ids: readonly string[]): Promise<void> {
  const ports = await Promise.all(ids.map(async (id) => [id, await freePorts()] as const));
  cluster = new Appliances(directory, Object.fromEntries(ports));
  await Promise.all(ids.map((id) => cluster.start(id)));
  await cluster.serving(...ids);
}

/** The admin command, asked of one member; what it printed. */
async function admin(id: string, ...words: readonly string[]): Promise<{ code: number; output: string }> {
  let output = '';
  const print = (text: string): void => void (output += text);
  const line = { print, progress: () => {}, configDirectory: directory };
  const code = await administer([...words, '--url', cluster.url(id)], line);
  return { code, output };
}

async function connect(
  clientId: string,
  id: string,
  more: Partial<Parameters<typeof createFailoverClient>[0]> = {},
): Promise<FailoverClient> {
  const servers = [{ id, url: `mqtt://${host}:${cluster.ports[id]!.mqtt}` }];
  const client = createFailoverClient({ clientId, servers, discover: false, session: 'persistent', ...more });
  clients.push(client);
  await client.start();
  await client.connected();
  return client;
}

test('members, health, settings and leadership, asked of any member', async () => {
  await start('a', 'b', 'c');
  await until(async () => (await admin('a', 'health')).code === 0);
  expect((await admin('b', 'members')).output).toMatch(/^MEMBER +ROLE[^]*^a +(leader|voter) +serving +\d/m);
  for (const id of ['a', 'b', 'c']) {
    await until(async () => {
      const { code, output } = await admin(id, 'health', '--stop', 'b');
      return code === 0 && output.includes('b may be stopped: 2 of 3 voters stay');
    });
  }
  await expect(admin('a', 'health', '--stop', 'z')).rejects.toMatchObject({
    message: expect.stringContaining('"z"'),
  });
  expect((await admin('c', 'settings', 'queuedMessagesMax=77')).output).toMatch(/queuedMessagesMax +77/);
  await until(async () => (await admin('a', 'settings')).output.includes('77'));
  await expect(admin('a', 'settings', 'queueMessagesMax=5')).rejects.toMatchObject({
    message: expect.stringMatching(
      /queueMessagesMax is not a known setting \(known settings: queuedMessagesMax, /,
    ),
  });
  await expect(admin('a', 'settings', 'queuedMessagesMax=none')).rejects.toMatchObject({
    message: expect.stringContaining('queuedMessagesMax'),
  });
  const { leader } = await cluster.status('a');
  const next = ['a', 'b', 'c'].find((id) => id !== leader)!;
  await admin(next, 'transfer', next);
  await until(async () => (await cluster.status('a')).leader === next);
});

test('while one is down no other may be stopped', async () => {
  await start('a', 'b', 'c');
  await cluster.stop('c');
  let output = '';
  await until(async () => {
    const health = await admin('a', 'health', '--stop', 'b');
    output = health.output;
    return health.code === 1 && output.includes('c is not well');
  });
  expect(output).toContain('b must NOT be stopped');
  expect((await fetch(`${cluster.url('a')}/cluster/health?stop=b`)).status).toBe(503);
});

test('a member is drained, takes clients again, and ends when it is drained for good', async () => {
  await start('a', 'b', 'c');
  const client = await connect('c', 'a');
  expect((await admin('a', 'drain', '--no-exit')).output).toBe('drained\n');
  // It was told where to go.
  const own = `mqtt://${host}:${cluster.ports['a']!.mqtt}`;
  await until(() => client.status().connected && client.status().server !== own);
  expect((await fetch(`${cluster.url('a')}/readyz`)).status).toBe(503);
  await admin('a', 'undrain');
  await connect('d', 'a');
  expect((await cluster.status('a')).connections).toBe(1);
  expect((await admin('a', 'drain')).output).toContain('the process has ended');
  expect(cluster.stopsRequested).toEqual(['a']);
});

test('a host is removed and another takes its place: peers first, then the word', async () => {
  await start('a', 'b', 'c');
  const gone = ['a', 'b', 'c'].find((id) => id !== 'a')!;
  await admin('a', 'remove', gone);
  expect((await admin('a', 'members')).output).not.toContain(`\n${gone} `);
  await expect(admin('a', 'add', 'd')).rejects.toMatchObject({
    message: expect.stringContaining('give all members the new list'),
  });
  await cluster.stop(gone);
  // The rolling update: each is started again with the list that names the new one.
  const stay = Object.fromEntries(Object.entries(cluster.ports).filter(([id]) => id !== gone));
  const next = new Appliances(directory, { ...stay, d: await freePorts() });
  for (const id of Object.keys(stay)) {
    await cluster.stop(id);
    await next.start(id);
    await next.serving(id);
  }
  cluster = next;
  await next.start('d');
  expect((await admin('a', 'add', 'd')).output).toBe('d is a member and votes\n');
  await next.serving('d');
});

test('a backup goes into an empty store, and from there to new members', async () => {
  await start('a', 'b', 'c');
  const client = await connect('subscriber', 'a');
  await client.subscribe({ 'x/#': { qos: 1 } });
  await client.stop();
  const publisher = await connect('publisher', 'b');
  await publisher.publish('x/queued', 'waits', { qos: 1 });
  await publisher.publish('r', 'kept', { qos: 1, retain: true });
  await publisher.stop();
  const file = join(directory, 'backup');
  await admin('a', 'backup', file);
  await cluster.stopAll();
  const restore = (id: string): Promise<{ code: number }> =>
    admin(id, 'restore', file, '--data', cluster.directoryOf(id), '--id', id);
  await expect(restore('a')).rejects.toMatchObject({ message: expect.stringContaining('not empty') });

  for (const id of ['a', 'b', 'c']) rmSync(cluster.directoryOf(id), { recursive: true });
  await restore('b');
  await Promise.all(['a', 'b', 'c'].map((id) => cluster.start(id)));
  await until(async () => (await admin('c', 'health')).code === 0);
  const received: string[] = [];
  const onMessage = ({ topic }: IncomingMessage): void => void received.push(topic);
  await connect('subscriber', 'c', { onMessage });
  await until(() => received.length > 0);
  expect(received).toEqual(['x/queued']);
  expect((await cluster.status('c')).retained).toBe(1);
});

test('a damaged backup is refused and leaves no store behind', async () => {
  await start('a');
  const file = join(directory, 'backup');
  await admin('a', 'backup', file);
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
  const empty = join(directory, 'empty');
  await expect(admin('a', 'restore', file, '--data', empty, '--id', 'a')).rejects.toMatchObject({
    message: expect.stringContaining('checksum'),
  });
  expect(existsSync(empty)).toBe(false);
});

test('with a token only who has it administers, by HTTP and by MQTT', async () => {
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, 'a-token-of-some-length\n');
  cluster = new Appliances(directory, { a: await freePorts() });
  await cluster.start('a', { admin: { tokenFile } });
  await cluster.serving('a');
  await expect(admin('a', 'undrain')).rejects.toMatchObject({ message: expect.stringContaining('Bearer') });
  expect((await admin('a', 'undrain', '--token-file', tokenFile)).code).toBe(0);
  // Health is for load balancers and gates.
  expect((await fetch(`${cluster.url('a')}/cluster/health`)).status).toBe(200);

  const answers: string[] = [];
  const onMessage = ({ payload }: IncomingMessage): void =>
    void answers.push(new TextDecoder().decode(payload));
  const operator = await connect('operator', 'a', {
    onMessage,
    username: 'admin',
    password: 'a-token-of-some-length',
  });
  await operator.subscribe({ '$SYS/cluster/admin/#': { qos: 0 } });
  await operator.publish('$cluster/admin/settings', JSON.stringify({ retainedMax: 9 }), { qos: 1 });
  await until(() => answers.length > 0);
  expect(JSON.parse(answers[0]!)).toMatchObject({ command: 'settings', code: 200, retainedMax: 9 });
  await operator.publish('$cluster/admin/fly', '', { qos: 1 });
  await until(() => answers.length > 1);
  expect(JSON.parse(answers[1]!)).toMatchObject({ command: 'fly', code: 404 });
});

test('what a member publishes to itself comes back; when it drains, its refusal is the answer', async () => {
  await start('a');
  let nowMs = 1;
  const loopback = new Loopback({ memberId: 'a', host, port: cluster.ports['a']!.mqtt, now: () => nowMs });
  try {
    nowMs = 2;
    loopback.ask();
    await until(() => loopback.answeredAtMs === 2);
    nowMs = 3;
    loopback.ask();
    await until(() => loopback.answeredAtMs === 3);
    await admin('a', 'drain', '--no-exit');
    nowMs = 4;
    loopback.ask();
    await until(() => loopback.answeredAtMs === 4);
  } finally {
    loopback.stop();
  }
});

test('a second host with the id of one that serves is refused in one line, and takes nobody its place', async () => {
  await start('a', 'b', 'c');
  const twin = new Appliances(join(directory, 'twin'), { ...cluster.ports, b: await freePorts() });
  const peers = cluster.config('b').peers;
  await expect(twin.start('b', { peers })).rejects.toMatchObject({
    code: 'LISTEN',
    message: expect.stringMatching(/^another process serves as member "b" at 127\.[\d.]+:\d+ already/),
  });
  await twin.stopAll();
  await until(async () => (await admin('a', 'health')).code === 0);
});

test('nobody answers: one clear line', async () => {
  cluster = new Appliances(directory, { a: await freePorts() });
  await expect(admin('a', 'status')).rejects.toMatchObject({
    message: expect.stringContaining('is it running?'),
  });
});
