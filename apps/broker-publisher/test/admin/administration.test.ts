import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IncomingMessage } from '@mqtt-cluster/failover-client';
import { until } from '@mqtt-cluster/testing';
import { runAdminCommand } from '../../src/admin/command-line.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;

afterEach(() => cluster.close());

async function start(...ids: readonly string[]): Promise<void> {
  cluster = await TestCluster.start(ids);
}

/** Runs the admin command against one member. Returns its exit status and its standard output. */
async function admin(id: string, ...argv: readonly string[]): Promise<{ status: number; output: string }> {
  let output = '';
  const print = (text: string): void => void (output += text);
  const environment = { print, progress: () => {}, configDirectory: cluster.directory };
  const status = await runAdminCommand([...argv, '--url', cluster.httpUrl(id)], environment);
  return { status, output };
}

test('every member answers the admin commands members, health, settings and transfer', async () => {
  await start('a', 'b', 'c');
  await until(async () => (await admin('a', 'health')).status === 0);
  expect((await admin('b', 'members')).output).toMatch(/^MEMBER +ROLE[^]*^a +(leader|voter) +serving +\d/m);
  for (const id of ['a', 'b', 'c']) {
    await until(async () => {
      const { status, output } = await admin(id, 'health', '--stop', 'b');
      return status === 0 && output.includes('b can be stopped: 2 of 3 voters remain');
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

test('the admin command status prints all fields of the status page with --json, and a summary otherwise', async () => {
  await start('a');
  expect((await admin('a', 'status')).output).toMatch(/^a is serving\nrole leader, leader a, term \d+\n/);
  const printed = JSON.parse((await admin('a', 'status', '--json')).output) as object;
  expect(Object.keys(printed).sort()).toEqual(Object.keys(await cluster.status('a')).sort());
});

test('the admin command health --stop reports that no second member can be stopped while one is down', async () => {
  await start('a', 'b', 'c');
  await cluster.stop('c');
  let output = '';
  await until(async () => {
    const health = await admin('a', 'health', '--stop', 'b');
    output = health.output;
    return health.status === 1 && output.includes('c is not healthy');
  });
  expect(output).toContain('b must NOT be stopped');
  expect((await cluster.get('a', '/cluster/health?stop=b')).status).toBe(503);
});

test('a member redirects clients after drain --no-exit, accepts clients after undrain, and exits after drain', async () => {
  await start('a', 'b', 'c');
  const client = await cluster.connectFailoverClient('a', 'c');
  expect((await admin('a', 'drain', '--no-exit')).output).toBe('drained\n');
  // The client has followed the redirection.
  await until(() => client.status().connected && client.status().server !== cluster.mqttUrl('a'));
  expect((await cluster.get('a', '/readyz')).status).toBe(503);
  await admin('a', 'undrain');
  await cluster.connectFailoverClient('a', 'd');
  expect((await cluster.status('a')).connections).toBe(1);
  expect((await admin('a', 'drain')).output).toContain('the process has ended');
  expect(cluster.stopRequests).toEqual(['a']);
});

test('a new member replaces a removed member after the peers setting of all members lists the new one', async () => {
  await start('a', 'b', 'c');
  const removed = 'b';
  expect((await admin('a', 'remove', removed)).output).toBe('b is removed from the cluster\n');
  expect((await admin('a', 'members')).output).not.toContain(`\n${removed} `);
  await expect(admin('a', 'add', 'd')).rejects.toMatchObject({
    message: expect.stringContaining('peers'),
  });
  await cluster.stop(removed);
  // A rolling update: the remaining members restart one at a time with the new list.
  const remaining = ['a', 'c'];
  await cluster.setMembers([...remaining, 'd']);
  for (const id of remaining) {
    await cluster.stop(id);
    await cluster.start(id);
    await cluster.serving(id);
  }
  await cluster.start('d');
  expect((await admin('a', 'add', 'd')).output).toBe('d is a member and votes\n');
  await cluster.serving('d');
});

test('the admin command restore fills one fresh store, and the other members join with fresh stores', async () => {
  const ids = ['a', 'b', 'c'];
  await start(...ids);
  const client = await cluster.connectFailoverClient('a', 'subscriber');
  await client.subscribe({ 'x/#': { qos: 1 } });
  await client.stop();
  const publisher = await cluster.connectFailoverClient('b', 'publisher');
  await publisher.publish('x/queued', 'waits', { qos: 1 });
  await publisher.publish('r', 'kept', { qos: 1, retain: true });
  await publisher.stop();
  const file = join(cluster.directory, 'backup');
  await admin('a', 'backup', file);
  await cluster.stop(...ids);
  const restore = (id: string): Promise<{ status: number }> =>
    admin(id, 'restore', file, '--data', cluster.dataDirectory(id), '--id', id);
  await expect(restore('a')).rejects.toMatchObject({ message: expect.stringContaining('not empty') });

  for (const id of ids) rmSync(cluster.dataDirectory(id), { recursive: true });
  await restore('b');
  await Promise.all(ids.map((id) => cluster.start(id)));
  await until(async () => (await admin('c', 'health')).status === 0);
  const received: string[] = [];
  const onMessage = ({ topic }: IncomingMessage): void => void received.push(topic);
  await cluster.connectFailoverClient('c', 'subscriber', { onMessage });
  await until(() => received.length > 0);
  expect(received).toEqual(['x/queued']);
  expect((await cluster.status('c')).retained).toBe(1);
});

test('the admin command restore rejects a damaged backup and creates no store', async () => {
  await start('a');
  const file = join(cluster.directory, 'backup');
  await admin('a', 'backup', file);
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
  const empty = join(cluster.directory, 'empty');
  await expect(admin('a', 'restore', file, '--data', empty, '--id', 'a')).rejects.toMatchObject({
    message: expect.stringContaining('checksum'),
  });
  expect(existsSync(empty)).toBe(false);
});

test('a member with a token file accepts admin requests by HTTP and MQTT only with the token', async () => {
  cluster = await TestCluster.create(['a']);
  const token = 'a-token-of-some-length';
  const tokenFile = join(cluster.directory, 'token');
  writeFileSync(tokenFile, `${token}\n`);
  await cluster.start('a', { admin: { tokenFile } });
  await cluster.serving('a');
  await expect(admin('a', 'undrain')).rejects.toMatchObject({ message: expect.stringContaining('Bearer') });
  expect((await admin('a', 'undrain', '--token-file', tokenFile)).status).toBe(0);
  // Load balancers and update playbooks read the health without a token.
  expect((await cluster.get('a', '/cluster/health')).status).toBe(200);

  const answers: string[] = [];
  const onMessage = ({ payload }: IncomingMessage): void =>
    void answers.push(new TextDecoder().decode(payload));
  const operator = await cluster.connectFailoverClient('a', 'operator', {
    onMessage,
    username: 'admin',
    password: token,
  });
  await operator.subscribe({ '$SYS/cluster/admin/#': { qos: 0 } });
  await operator.publish('$cluster/admin/settings', JSON.stringify({ retainedMax: 9 }), { qos: 1 });
  await until(() => answers.length > 0);
  expect(JSON.parse(answers[0]!)).toMatchObject({ command: 'settings', code: 200, retainedMax: 9 });
  await operator.publish('$cluster/admin/fly', '', { qos: 1 });
  await until(() => answers.length > 1);
  expect(JSON.parse(answers[1]!)).toMatchObject({ command: 'fly', code: 404 });
});

test('a second process with the id of a serving member does not start, and the cluster stays healthy', async () => {
  await start('a', 'b', 'c');
  const duplicate = await cluster.createDuplicate('b');
  await expect(duplicate.start()).rejects.toMatchObject({
    code: 'LISTEN',
    message: expect.stringMatching(/^another process already serves as member "b" at 127\.[\d.]+:\d+/),
  });
  await until(async () => (await admin('a', 'health')).status === 0);
});

test('the admin command reports in one line that no appliance answers', async () => {
  cluster = await TestCluster.create(['a']);
  await expect(admin('a', 'status')).rejects.toMatchObject({
    message: expect.stringContaining('is it running?'),
  });
});
