import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@mqtt-cluster/testing';
import type { IConnackPacket } from 'mqtt-packet';
import { adminAt } from '../support/admin.ts';
import { passwordLine } from '../support/password-file.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

/** Returns the text of standard output. @throws Error the text of standard error */
async function admin(id: string, ...argv: readonly string[]): Promise<string> {
  const { status, output, errors } = await adminAt(cluster, id, ...argv);
  if (status !== 0) throw new Error(errors);
  return output;
}

function file(name: string, text: string): string {
  const path = join(cluster.directory, name);
  writeFileSync(path, text);
  return path;
}

/** Returns the return code of CONNACK. */
async function login(id: string, username?: string, password?: string): Promise<number> {
  const client = await cluster.openConnection(id);
  client.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: `client-${username ?? 'anonymous'}`,
    keepalive: 0,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: Buffer.from(password) }),
  });
  await client.got('connack');
  client.destroy();
  const connack = client.received.find((packet) => packet.cmd === 'connack');
  return (connack as IConnackPacket).returnCode!;
}

/** Repeats an action until semantics version 4 is in force, which needs a moment after the start. */
async function whenInForce(action: () => Promise<unknown>): Promise<void> {
  await until(() =>
    action().then(
      () => true,
      (error: Error) => {
        if (!error.message.includes('semantics version')) throw error;
        return false;
      },
    ),
  );
}

test('a user that is added at one member logs in at all members, until it is disabled or removed', async () => {
  cluster = await TestCluster.start(['a', 'b', 'c'], {
    mqtt: { anonymous: false, authentication: ['cluster'] },
  });
  const password = file('password', 'secret\n');
  await whenInForce(() =>
    admin('a', 'users', 'add', 'alice', '--password-file', password, '--groups', 'x,y'),
  );
  for (const id of ['a', 'b', 'c']) await until(async () => (await login(id, 'alice', 'secret')) === 0);
  expect(await login('b', 'alice', 'wrong')).not.toBe(0);
  expect(await login('b', 'mallory', 'secret')).not.toBe(0);
  expect(await login('b')).not.toBe(0);
  expect(await admin('c', 'users', 'list')).toMatch(/^USER +ROLE +GROUPS +STATE\nalice +- +x,y +enabled\n$/);

  await admin('b', 'users', 'passwd', 'alice', '--password-file', file('new', 'changed'));
  for (const id of ['a', 'b', 'c']) {
    await until(async () => (await login(id, 'alice', 'changed')) === 0);
    expect(await login(id, 'alice', 'secret')).not.toBe(0);
  }
  await admin('c', 'users', 'set', 'alice', '--disable', '--role', 'viewer');
  await until(async () => (await login('a', 'alice', 'changed')) !== 0);
  expect(await admin('c', 'users', 'list', '--json')).toContain('"role": "viewer"');
  await admin('c', 'users', 'remove', 'alice');
  expect(JSON.parse(await admin('c', 'users', 'list', '--json'))).toMatchObject({ users: [] });
  await expect(admin('a', 'users', 'remove', 'alice')).rejects.toThrow('there is no user alice');
});

test('users of a password file log in, and a replaced file counts without a restart', async () => {
  cluster = await TestCluster.create(['a']);
  const passwordFile = file('passwd', passwordLine('alice', 'secret'));
  const settings = { mqtt: { anonymous: false, authentication: ['passwordFile', 'cluster'], passwordFile } };
  await cluster.start('a', settings);
  await cluster.serving('a');
  expect(await login('a', 'alice', 'secret')).toBe(0);
  expect(await login('a', 'bob', 'secret')).not.toBe(0);
  writeFileSync(passwordFile, passwordLine('bob', 'secret'));
  await until(async () => (await login('a', 'bob', 'secret')) === 0);
  expect(await login('a', 'alice', 'secret')).not.toBe(0);

  await whenInForce(() =>
    admin(
      'a',
      'users',
      'import',
      file('import', passwordLine('carl', 'imported') + passwordLine('dora', 'x')),
    ),
  );
  expect(await login('a', 'carl', 'imported')).toBe(0);
  expect(await admin('a', 'users', 'list')).toMatch(/carl[^]*dora/);
});

test('the publisher of a member connects as its user, and inside the process without one', async () => {
  cluster = await TestCluster.create(['a']);
  const passwordFile = file('passwd', passwordLine('publisher', 'telemetry'));
  const mqtt = { anonymous: false, authentication: ['passwordFile'], passwordFile };
  const user = { username: 'publisher', passwordFile: file('publisher', 'telemetry\n') };
  await cluster.start('a', { mqtt, publisher: { rate: 10, ...user } });
  const accepted = 'provider="passwordFile",result="accepted"';
  await until(async () => (await cluster.metrics('a')).value('authentications_total', accepted) > 0);
  const publisher = async () => {
    const { counters } = (await (await cluster.get('a', '/status')).json()) as {
      counters: { publisher?: { groups: { role: string }[] } };
    };
    return counters.publisher;
  };
  await until(async () => (await publisher())?.groups[0]?.role === 'active');
  await cluster.stop('a');
  await cluster.start('a', { mqtt, publisher: { rate: 10 } });
  await cluster.serving('a');
  await until(async () => (await publisher())?.groups[0]?.role === 'active');
});
