import { connect as connectMqtt } from 'mqtt';
import type { MqttClient } from 'mqtt';
import { host, until } from '@mqtt-cluster/testing';
import { adminPaths } from '../../src/admin/paths.ts';
import { send } from '../support/browser-request.ts';
import type { BrowserAnswer } from '../support/browser-request.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;
let port: number;
const clients: MqttClient[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start(['a'], { mqtt: { anonymous: false, authentication: ['cluster'] } });
  port = cluster.portsOf('a').http;
  await until(async () => (await putUser('vera', { password: 'right', role: 'viewer' })).code === 200);
  await putUser('otto', { password: 'right', role: 'operator' });
  const rules = [{ effect: 'allow', actions: ['publish', 'subscribe'], topics: ['users/%u/#'] }];
  expect((await call('PUT', adminPaths.rules, { rules })).code).toBe(200);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.end(true);
});
afterAll(() => cluster.close());

function call(method: string, path: string, body?: unknown, cookie = ''): Promise<BrowserAnswer> {
  const page = { origin: `http://${host}:${port}`, 'sec-fetch-site': 'same-origin', 'x-mqtt-cluster': '1' };
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const headers = { ...page, ...type, ...(cookie !== '' && { cookie }) };
  return send({ host, port, method, path, headers, ...(body !== undefined && { body }) });
}

const putUser = (name: string, user: object) => call('PUT', `${adminPaths.users}/${name}`, user);

async function signIn(user: string): Promise<string> {
  const { code, headers } = await call('POST', '/api/v1/sign-in', { user, password: 'right' });
  expect(code).toBe(200);
  return headers['set-cookie']![0]!.split(';')[0]!;
}

const userOf = async (cookie: string): Promise<string | null> =>
  (JSON.parse((await call('GET', '/api/v1/me', undefined, cookie)).text) as { user: string | null }).user;

/** Connects as the console does: with the cookie, without credentials in CONNECT. */
function connect(cookie: string, more: object = {}): MqttClient {
  const client = connectMqtt(`ws://${host}:${port}/mqtt`, {
    reconnectPeriod: 0,
    protocolVersion: 5,
    wsOptions: { headers: { cookie, origin: `http://${host}:${port}` } },
    ...more,
  });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

const connected = (client: MqttClient): Promise<void> =>
  new Promise((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('close', () => reject(new Error('refused')));
  });

const closed = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => client.once('close', () => resolve()));

test('a WebSocket with the cookie is the user of the session, and the rules of this user hold', async () => {
  const client = connect(await signIn('vera'), { username: 'otto', password: 'anything' });
  await connected(client);
  const granted = await client
    .subscribeAsync({ 'users/vera/#': { qos: 1 }, 'users/otto/#': { qos: 1 } })
    .catch(() => null);
  expect(granted?.map(({ qos }) => qos) ?? 'refused').not.toEqual([1, 1]);
  await client.subscribeAsync('users/vera/#', { qos: 1 });
  const received = new Promise((resolve) => client.once('message', (topic) => resolve(topic)));
  await client.publishAsync('users/vera/x', 'hello', { qos: 1 });
  expect(await received).toBe('users/vera/x');
  await expect(client.publishAsync('users/otto/x', 'hello', { qos: 1 })).rejects.toThrow(/[Nn]ot authorized/);
});

test('a WebSocket without a session is refused, also with the right password of a user or with a cookie of no session', async () => {
  // Another host: the request has come through a proxy.
  const from = (cookie: string): object => ({
    wsOptions: { headers: { cookie, origin: `http://${host}:${port}`, 'x-forwarded-for': '192.0.2.7' } },
  });
  const credentials = { username: 'vera', password: 'right' };
  await expect(connected(connect('', from('')))).rejects.toThrow('refused');
  await expect(connected(connect('', { ...from(''), ...credentials }))).rejects.toThrow('refused');
  await expect(connected(connect('', credentials))).rejects.toThrow('refused');
  await expect(connected(connect('', from(`mqtt-cluster=${'A'.repeat(43)}`)))).rejects.toThrow('refused');
  await connected(connect('', from(await signIn('vera'))));
});

const ends: readonly (readonly [string, (cookie: string) => Promise<unknown>])[] = [
  ['the user signs out', (cookie) => call('POST', '/api/v1/sign-out', {}, cookie)],
  ['the user gets another password', () => putUser('otto', { password: 'changed' })],
  ['the user gets another role', () => putUser('otto', { role: 'admin' })],
  ['the user is disabled', () => putUser('otto', { disabled: true })],
  ['the user is removed', () => call('DELETE', `${adminPaths.users}/otto`)],
];

test.each(ends)(
  'the session and its WebSocket end when %s, and those of another user continue',
  async (_how, end) => {
    await call('DELETE', `${adminPaths.users}/otto`);
    expect((await putUser('otto', { password: 'right', role: 'operator' })).code).toBe(200);
    const [cookie, other] = [await signIn('otto'), await signIn('vera')];
    const [client, another] = [connect(cookie), connect(other)];
    await Promise.all([connected(client), connected(another)]);
    expect(await userOf(cookie)).toBe('otto');
    const gone = closed(client);
    await end(cookie);
    await gone;
    expect(await userOf(cookie)).toBeNull();
    expect(another.connected).toBe(true);
    expect(await userOf(other)).toBe('vera');
  },
);
