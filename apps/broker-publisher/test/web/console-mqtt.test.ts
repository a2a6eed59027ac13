import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { adminPaths } from '../../src/admin/paths.ts';
import { openWebSocket, send } from '../support/browser-request.ts';
import { TestCluster } from '../support/test-cluster.ts';

/** The listeners have another address than the HTTP port. */
const listenerHost = '127.0.0.1';
const token = 'a-token-of-this-test-only';

let directory: string;
let cluster: TestCluster | null = null;
const clients: MqttClient[] = [];

beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'console-mqtt-'))));
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  await cluster?.close();
  cluster = null;
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Starts a member with one listener. With the token, requests of this host are not trusted without credentials. */
async function start(listener: object, settings: object = {}): Promise<number> {
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, token);
  const [port = 0] = await freePorts(1);
  cluster = await TestCluster.create(['a'], {
    mqtt: { listeners: [{ name: 'door', host: listenerHost, port, ...listener }] },
    admin: { tokenFile },
    ...settings,
  });
  await cluster.start('a');
  return port;
}

async function connect(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url, {
    ...{ reconnectPeriod: 0, protocolVersion: 5, rejectUnauthorized: false },
    ...options,
  });
  clients.push(client);
  return client;
}

const consoleUrl = (scheme: 'ws' | 'wss' = 'ws'): string =>
  `${scheme}://${host}:${cluster!.portsOf('a').http}/mqtt`;

async function put(path: string, body: object): Promise<void> {
  const { http: port } = cluster!.portsOf('a');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  await until(async () => (await send({ host, port, method: 'PUT', path, headers, body })).code === 200);
}

/** Signs in as a page of the member does, and returns the options of a connection with the session. */
async function signIn(user: string, password: string): Promise<IClientOptions> {
  const { http: port } = cluster!.portsOf('a');
  const origin = `http://${host}:${port}`;
  const headers = { origin, 'x-mqtt-cluster': '1', 'content-type': 'application/json' };
  const path = '/api/v1/sign-in';
  const answer = await send({ host, port, method: 'POST', path, headers, body: { user, password } });
  expect(answer.code).toBe(200);
  const cookie = answer.headers['set-cookie']![0]!.split(';')[0]!;
  return { wsOptions: { headers: { cookie, origin } } };
}

const notAuthorized = /[Nn]ot authorized/;

/** Returns `connected`, or why the client is refused. */
const outcome = (url: string, options?: IClientOptions): Promise<string> =>
  connect(url, options).then(
    () => 'connected',
    (error: Error) => error.message,
  );
const refused = expect.stringMatching(/[Nn]ot authorized|[Bb]ad [Uu]ser/);
const throughProxy = { wsOptions: { headers: { 'x-forwarded-for': '192.0.2.7' } } };

requiring('openssl')('a stranger at /mqtt of the HTTPS port', () => {
  const server = (name: string): { key: string; cert: string; ca: string } => {
    const authority = new TestAuthority(directory, name);
    const { keyFile: key, certFile: cert } = authority.issueServer('server', host);
    return { key, cert, ca: authority.caFile };
  };

  test('is refused although the only listener, on another address, admits anonymous clients', async () => {
    const { key, cert } = server('one');
    const port = await start({ anonymous: true }, { http: { tls: { key, cert } } });
    await until(async () => (await outcome(`mqtt://${listenerHost}:${port}`)) === 'connected');
    expect(await outcome(consoleUrl('wss'))).toEqual(refused);
    const guess = { username: 'admin', password: `${token}!` };
    expect(await outcome(consoleUrl('wss'), guess)).toEqual(refused);
    expect(await outcome(consoleUrl('wss'), { username: 'admin', password: token })).toBe('connected');
  });

  test('is refused with a right password alone if the only listener requires a certificate, too', async () => {
    const tls = server('two');
    await start({
      ...{ kind: 'tls', tls: { ...tls, clientCertificate: 'required' }, authentication: ['cluster'] },
    });
    await put(`${adminPaths.users}/ann`, { password: 'right' });
    expect(await outcome(consoleUrl(), { username: 'ann', password: 'right' })).toEqual(refused);
  });
});

requiring('openssl')('the admin token at /mqtt where loopback addresses are not trusted', () => {
  let tls: object;
  beforeAll(() => {
    const authority = new TestAuthority(directory, 'peers');
    const { keyFile: key, certFile: cert } = authority.issue('a', { alternativeNames: 'DNS:a' });
    tls = { key, cert, ca: authority.caFile };
  });
  const settings = (http: object): object => ({
    ...{ lab: false, tls, http },
    admin: { tokenFile: join(directory, 'token'), trustLoopback: false },
  });
  const administrator = { username: 'admin', password: token };

  test('is refused without TLS, as at a plain listener', async () => {
    const port = await start({ authentication: ['cluster'] }, settings({}));
    await cluster!.serving('a');
    expect(await outcome(`mqtt://${listenerHost}:${port}`, administrator)).toEqual(refused);
    expect(await outcome(consoleUrl(), administrator)).toEqual(refused);
  });

  test('is accepted over TLS, and plain HTTP at the same port is refused', async () => {
    const authority = new TestAuthority(directory, 'three');
    const { keyFile: key, certFile: cert } = authority.issueServer('server', host);
    await start({ authentication: ['cluster'] }, settings({ plain: true, tls: { key, cert } }));
    await cluster!.serving('a');
    expect(await outcome(consoleUrl('wss'), administrator)).toBe('connected');
    const { http: httpPort } = cluster!.portsOf('a');
    expect(await openWebSocket({ host, port: httpPort, path: '/mqtt' })).toBe(403);
  });
});

test('a client that a rule denies at its listener gains nothing at /mqtt, and rules for $console bind users of the console', async () => {
  const port = await start({ authentication: ['cluster'] });
  await put(`${adminPaths.users}/ann`, { password: 'right' });
  await put(`${adminPaths.users}/vera`, { password: 'right', role: 'viewer' });
  const deny = { effect: 'deny', actions: ['publish'] };
  await put(adminPaths.rules, {
    rules: [
      { ...deny, topics: ['plant/#'], listeners: ['door'] },
      { ...deny, topics: ['office/#'], listeners: ['$console'] },
      { effect: 'allow', actions: ['publish'], topics: ['#'] },
    ],
  });
  const credentials = { username: 'ann', password: 'right' };
  const ann = await connect(`mqtt://${listenerHost}:${port}`, credentials);
  await expect(ann.publishAsync('plant/x', '', { qos: 1 })).rejects.toThrow(notAuthorized);
  expect(await outcome(consoleUrl(), credentials)).toEqual(refused);
  const vera = await connect(consoleUrl(), await signIn('vera', 'right'));
  await expect(vera.publishAsync('office/x', '', { qos: 1 })).rejects.toThrow(notAuthorized);
  await vera.publishAsync('hall/x', '', { qos: 1 });
});

test('without a token a program of this host is an administrator at /mqtt as at the API, and a proxy of this host is a stranger', async () => {
  await start({ anonymous: true }, { admin: {} });
  await until(async () => (await outcome(consoleUrl())) === 'connected');
  const { http: port } = cluster!.portsOf('a');
  const rules = [{ effect: 'deny', actions: ['publish', 'subscribe'], topics: ['#'] }];
  const headers = { 'content-type': 'application/json' };
  const request = { host, port, method: 'PUT', path: adminPaths.rules, headers, body: { rules } };
  await until(async () => (await send(request)).code === 200);
  const client = await connect(consoleUrl());
  await client.publishAsync('plant/x', '', { qos: 1 });
  expect(await outcome(consoleUrl(), throughProxy)).toEqual(refused);
  expect(await outcome(consoleUrl(), { username: 'ann', password: 'wrong' })).toEqual(refused);
});
