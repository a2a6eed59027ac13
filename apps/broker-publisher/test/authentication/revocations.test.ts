import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessSemantics } from '@mqtt-cluster/contracts';
import { freePorts, host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import type { MqttClient } from 'mqtt';
import type { IPublishPacket } from 'mqtt-packet';
import { adminAt } from '../support/admin.ts';
import { passwordLine } from '../support/password-file.ts';
import type { RawClient } from '../support/raw-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

const ids = ['a', 'b', 'c'] as const;
/** Client id and user name. This client has the same will as the others, and its user keeps its rights. */
const control = 'control';
const delayed = { willDelayInterval: 8 };
const session = { sessionExpiryInterval: 300 };

let cluster: TestCluster;
let watchers = 0;

function path(name: string): string {
  return join(cluster.directory, name);
}

async function serve(): Promise<void> {
  await cluster.serving(...ids);
  await until(async () => (await cluster.status('c')).semantics >= accessSemantics);
}

/** Returns an anonymous client of the third member that receives all wills from now on. */
async function watch(): Promise<RawClient> {
  const watcher = await cluster.connect('c', `watcher ${++watchers}`);
  await watcher.subscribe('wills/#', 1);
  return watcher;
}

/** Resolves when the will of the control has arrived. @returns the clients whose wills have arrived */
async function wills(watcher: RawClient): Promise<string[]> {
  const received = (): string[] =>
    watcher.received
      .filter((packet): packet is IPublishPacket => packet.cmd === 'publish')
      .map(({ topic }) => topic.slice('wills/'.length));
  await until(() => received().includes(control));
  return received();
}

describe('the will of a user of a password file whose delay runs', () => {
  beforeAll(async () => {
    cluster = await TestCluster.create(ids);
    const users = ['deleted', 'changed', control].map((user) => passwordLine(user, 'secret')).join('');
    for (const id of ids) writeFileSync(path(`passwords-${id}`), users);
    const settings = (id: string) => ({
      mqtt: { anonymous: true, authentication: ['passwordFile'], passwordFile: path(`passwords-${id}`) },
    });
    await Promise.all(ids.map((id) => cluster.start(id, settings(id))));
    await serve();
  });
  afterAll(() => cluster.close());

  /** Connects a client with a will. */
  function come(user: string): Promise<RawClient> {
    const will = { topic: `wills/${user}`, payload: Buffer.from('x'), qos: 1, retain: false } as const;
    return cluster.connect('a', user, {
      ...{ protocolVersion: 5, username: user, password: Buffer.from('secret') },
      ...{ clean: false, properties: session, will: { ...will, properties: delayed } },
    });
  }

  test.each<[string, string, string]>([
    ['deletes the user', 'deleted', passwordLine('changed', 'secret')],
    ['changes the password', 'changed', passwordLine('changed', 'other')],
  ])('is discarded on all members when the file of one member %s', async (_what, user, changed) => {
    const watcher = await watch();
    for (const client of [await come(user), await come(control)]) client.destroy();
    writeFileSync(path('passwords-b'), changed + passwordLine(control, 'secret'));
    await cluster.reload('b');
    expect(await wills(watcher)).toEqual([control]);
  });
});

requiring('openssl')('the will of a user of a certificate whose delay runs', () => {
  let authority: TestAuthority;
  let certificates: Map<string, TestCertificate>;
  let ports: Record<string, number>;

  /** Starts three members. The first two have a listener for certificates, and the last one admits the watcher. */
  beforeAll(async () => {
    cluster = await TestCluster.create(ids);
    authority = new TestAuthority(cluster.directory);
    certificates = new Map(['disabled', 'revoked', control].map((user) => [user, authority.issue(user)]));
    const server = authority.issueServer('server', host);
    const [first, second] = (await freePorts(2)) as [number, number];
    ports = { a: first, b: second };
    const tls = {
      ...{ key: server.keyFile, cert: server.certFile },
      ...{ ca: authority.caFile, crl: authority.crlFile, clientCertificate: 'required' },
    };
    const secure = { name: 'secure', host, kind: 'tls', tls, authentication: ['certificate'] };
    const settings = (port?: number) =>
      port === undefined ? {} : { mqtt: { listeners: [{ ...secure, port }] } };
    await Promise.all(ids.map((id) => cluster.start(id, settings(ports[id]))));
    await serve();
  });
  afterAll(() => cluster.close());

  /** Connects a client with a will. */
  function come(
    user: string,
    id = 'a',
    { key, cert }: Pick<TestCertificate, 'key' | 'cert'> = certificates.get(user)!,
  ): Promise<MqttClient> {
    const will = { topic: `wills/${user}`, payload: Buffer.from('x'), qos: 1, retain: false } as const;
    return mqtt.connectAsync(`mqtts://${host}:${ports[id]}`, {
      ...{ key, cert, ca: authority.ca, clientId: user, protocolVersion: 5, reconnectPeriod: 0 },
      ...{ clean: false, properties: session, will: { ...will, properties: delayed } },
    });
  }

  async function admin(...argv: readonly string[]): Promise<void> {
    const { status, errors } = await adminAt(cluster, 'b', ...argv);
    if (status !== 0) throw new Error(errors);
  }

  test('is discarded on all members when another member disables the user', async () => {
    writeFileSync(path('password'), 'secret');
    await admin('users', 'add', 'disabled', '--password-file', path('password'));
    const watcher = await watch();
    for (const client of [await come('disabled'), await come(control)]) client.stream.destroy();
    await admin('users', 'set', 'disabled', '--disable');
    expect(await wills(watcher)).toEqual([control]);
  });

  test('is discarded on all members when a revocation list contains the certificate', async () => {
    const watcher = await watch();
    for (const client of [await come('revoked'), await come(control)]) client.stream.destroy();
    await until(async () => (await cluster.status('a')).connections === 0);
    authority.revoke(certificates.get('revoked')!);
    await cluster.reload('a');
    expect(await wills(watcher)).toEqual([control]);
  });

  test('is published when it was set with a renewed certificate at another member, and only the old one is revoked', async () => {
    const watcher = await watch();
    const { key, cert } = authority.issue('renewed');
    const old = { key, cert, certFile: path('old.pem') };
    writeFileSync(old.certFile, cert);
    (await come('renewed', 'a', old)).stream.destroy();
    await until(async () => (await cluster.status('a')).connections === 0);
    (await come('renewed', 'b', authority.issue('renewed'))).stream.destroy();
    await until(async () => (await cluster.status('b')).connections === 0);
    (await come(control)).stream.destroy();
    authority.revoke(old);
    await cluster.reload('a');
    expect(await wills(watcher)).toEqual(['renewed', control]);
  });
});
