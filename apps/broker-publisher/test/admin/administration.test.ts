import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IncomingMessage } from '@mqtt-cluster/failover-client';
import { host, until } from '@mqtt-cluster/testing';
import { adminAt, runAdmin } from '../support/admin.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;

afterEach(() => cluster.close());

async function start(...ids: readonly string[]): Promise<void> {
  cluster = await TestCluster.start(ids);
}

const admin = (id: string, ...argv: readonly string[]): ReturnType<typeof adminAt> =>
  adminAt(cluster, id, ...argv);

test('every member answers the admin commands members, health, settings and transfer', async () => {
  await start('a', 'b', 'c');
  await until(async () => (await admin('a', 'health')).status === 0);
  // The health at a does not show whether the status of a has reached b.
  await until(async () =>
    /^MEMBER +ROLE[^]*^a +(leader|follower) +serving +\d/m.test((await admin('b', 'members')).output),
  );
  for (const id of ['a', 'b', 'c']) {
    await until(async () => {
      const { status, output } = await admin(id, 'health', '--stop', 'b');
      return status === 0 && output.includes('b can be stopped: 2 of 3 voters remain');
    });
  }
  expect(await admin('a', 'health', '--stop', 'z')).toMatchObject({
    status: 2,
    errors: expect.stringContaining('z is none'),
  });
  expect((await admin('c', 'settings', 'queuedMessagesMax=77')).output).toMatch(/queuedMessagesMax +77/);
  await until(async () => (await admin('a', 'settings')).output.includes('77'));
  for (const setting of ['queueMessagesMax=5', 'queuedMessagesMax=none']) {
    expect(await admin('a', 'settings', setting)).toMatchObject({
      status: 2,
      errors: expect.stringContaining(setting.split('=')[0]!),
    });
  }
  const { leader } = await cluster.status('a');
  const next = ['a', 'b', 'c'].find((id) => id !== leader)!;
  await admin(next, 'transfer', next);
  await until(async () => (await cluster.status('a')).leader === next);
});

test('the admin command status prints this member and the cluster, and with --json all fields of the status page', async () => {
  await start('a');
  expect((await admin('a', 'status')).output).toMatch(
    /^a is serving\nrole leader, leader a, term \d+\n[^]*\ncluster mqtt-cluster, as a sees it\n/,
  );
  const { overview, ...page } = JSON.parse((await admin('a', 'status', '--json')).output) as {
    overview: object;
  };
  expect(Object.keys(page).sort()).toEqual(Object.keys(await cluster.status('a')).sort());
  expect(overview).toMatchObject({ member: 'a', members: [{ id: 'a' }] });
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
  expect((await admin('a', 'drain', '--no-exit')).output).toBe('a is drained\n');
  // The client has followed the redirection.
  await until(() => client.status().connected && client.status().server !== cluster.mqttUrl('a'));
  expect((await cluster.get('a', '/readyz')).status).toBe(503);
  await admin('a', 'undrain');
  await cluster.connectFailoverClient('a', 'd');
  expect((await cluster.status('a')).connections).toBe(1);
  expect((await admin('a', 'drain')).output).toContain('its process has ended');
  expect(cluster.stopRequests).toEqual(['a']);
});

test('a new member replaces a removed member after the peers setting of all members lists the new one', async () => {
  await start('a', 'b', 'c');
  const removed = 'b';
  expect(await admin('a', 'remove', removed)).toMatchObject({
    status: 1,
    errors: expect.stringContaining('drain it first (command "drain b"), then remove it'),
  });
  await admin('a', 'drain', removed);
  // The command repeats a request whose result is unknown, and the first one may have removed the member.
  expect((await admin('a', 'remove', removed)).output).toMatch(
    /^b is (removed from|no member of) the cluster\n$/,
  );
  await until(async () => /^b +none /m.test((await admin('a', 'members')).output));
  expect(await admin('a', 'add', 'd')).toMatchObject({
    status: 1,
    errors: expect.stringContaining('peers'),
  });
  // The command line replaces the path of the API in this sentence.
  expect(await admin('a', 'undrain', 'zz')).toMatchObject({
    status: 1,
    errors: expect.stringContaining('there is no member zz: the command "members" lists the members'),
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
  await until(async () => (await admin('a', 'backup', file)).status === 0);
  await cluster.stop(...ids);
  const restore = (id: string): ReturnType<typeof adminAt> =>
    admin(id, 'restore', file, '--data', cluster.dataDirectory(id), '--id', id);
  expect(await restore('a')).toMatchObject({ status: 1, errors: expect.stringContaining('not empty') });

  for (const id of ids) rmSync(cluster.dataDirectory(id), { recursive: true });
  expect((await restore('b')).status).toBe(0);
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
  await until(async () => (await admin('a', 'backup', file)).status === 0);
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
  const empty = join(cluster.directory, 'empty');
  expect(await admin('a', 'restore', file, '--data', empty, '--id', 'a')).toMatchObject({
    status: 1,
    errors: expect.stringContaining('checksum'),
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
  expect(await admin('a', 'undrain')).toMatchObject({
    status: 1,
    errors: expect.stringContaining('Bearer'),
  });
  // The status page of a member needs no credentials.
  expect(await admin('a', 'status')).toMatchObject({
    status: 0,
    output: expect.stringMatching(/^a is serving\n/),
    errors: expect.stringContaining('The status of the cluster is missing'),
  });
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
  const { status, output, errors } = await admin('a', 'status');
  expect({ status, output }).toEqual({ status: 1, output: '' });
  expect(errors).toMatch(/^broker-publisher admin: .* does not answer: .* is the member running\?.*\n$/);
});

test('the admin command offers the commands of mqtt-cluster, and asks the member of the configuration', async () => {
  await start('a');
  const tokenFile = join(cluster.directory, 'token');
  const { http } = cluster.portsOf('a');
  const config = {
    id: 'a',
    host,
    peers: [`a=${host}:1`],
    http: { port: http },
    lab: true,
    admin: { tokenFile },
  };
  writeFileSync(join(cluster.directory, 'default.json'), JSON.stringify(config));
  writeFileSync(tokenFile, 'a-token-of-some-length\n');
  const clients = await runAdmin(cluster.directory, ['clients', '--json']);
  expect(clients).toMatchObject({ status: 0, errors: '' });
  expect(JSON.parse(clients.output)).toMatchObject({ items: [], unreachable: [] });
  expect((await runAdmin(cluster.directory, ['retained', 'delete', 'a/#', '--dry-run'])).output).toBe(
    '0 retained messages would be deleted\n',
  );
  // A variable of the command line is no setting of the appliance.
  process.env['MQTT_CLUSTER_TOKEN'] = 'another-token-of-some-length';
  try {
    expect((await runAdmin(cluster.directory, ['clients'])).status).toBe(0);
  } finally {
    delete process.env['MQTT_CLUSTER_TOKEN'];
  }
  // The token of the configuration is sent: a file that cannot be read is an error.
  rmSync(tokenFile);
  expect(await runAdmin(cluster.directory, ['clients'])).toMatchObject({
    status: 1,
    errors: expect.stringContaining(`admin.tokenFile: the file ${tokenFile} cannot be read`),
  });
});

test('an invalid configuration ends the admin command with one line, unless the command needs none', async () => {
  cluster = await TestCluster.create(['a']);
  writeFileSync(join(cluster.directory, 'default.json'), JSON.stringify({ http: { port: 'none' } }));
  const { status, errors } = await runAdmin(cluster.directory, ['members']);
  expect(status).toBe(1);
  expect(errors).toMatch(/^broker-publisher admin: .*http\.port.*\n$/);
  const rules = join(cluster.directory, 'rules.json');
  writeFileSync(rules, '[]');
  expect((await runAdmin(cluster.directory, ['rules', 'check', rules])).status).toBe(0);
});
