import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { MemberStatus } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient, IncomingMessage } from '@mqtt-cluster/failover-client';
import { host, until } from '@mqtt-cluster/testing';
import { Appliance } from '../../src/node/appliance.ts';
import { schema } from '../../src/config.ts';
import { freePorts } from '../support/ports.ts';
import type { Ports } from '../support/ports.ts';

let directory: string;
let running: Appliance[] = [];
let clients: FailoverClient[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'appliance-'));
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.stop()));
  await Promise.all(running.map((appliance) => appliance.stop()));
  clients = [];
  running = [];
  rmSync(directory, { recursive: true });
});

function appliance(id: string, all: Readonly<Record<string, Ports>>, rate = 0): Appliance {
  const own = all[id]!;
  const config = schema.parse({
    id,
    host,
    mqtt: { port: own.mqtt },
    http: { port: own.http },
    cluster: { port: own.cluster },
    peers: Object.entries(all).map(([peer, { cluster }]) => `${peer}=${host}:${cluster}`),
    urls: Object.entries(all).map(([peer, { mqtt }]) => `${peer}=mqtt://${host}:${mqtt}`),
    data: join(directory, id),
    publisher: { rate },
  });
  const onFatal = (error: unknown): void => {
    throw error;
  };
  const created = new Appliance({
    config,
    logger: silentLogger,
    version: 'test',
    onFatal,
    onStopRequested: () => {},
  });
  running.push(created);
  return created;
}

async function status({ http }: Ports): Promise<MemberStatus> {
  return (await (await fetch(`http://${host}:${http}/status`)).json()) as MemberStatus;
}

async function serving(ports: Ports): Promise<void> {
  await until(async () => (await status(ports)).state === 'serving');
}

async function connect(clientId: string, ports: Ports, onMessage?: (message: IncomingMessage) => void) {
  const client = createFailoverClient({
    clientId,
    servers: [{ id: clientId, url: `mqtt://${host}:${ports.mqtt}` }],
    discover: false,
    session: 'persistent',
    ...(onMessage === undefined ? {} : { onMessage }),
  });
  clients.push(client);
  await client.start();
  await client.connected();
  return client;
}

test('three appliances found a cluster, and a message crosses from one to another', async () => {
  const all = { a: await freePorts(), b: await freePorts(), c: await freePorts() };
  await Promise.all(Object.keys(all).map((id) => appliance(id, all).start()));
  await Promise.all(Object.values(all).map(serving));
  const received: string[] = [];
  const subscriber = await connect('subscriber', all.a, ({ payload }) => {
    received.push(new TextDecoder().decode(payload));
  });
  await subscriber.subscribe({ x: { qos: 2 } });
  const publisher = await connect('publisher', all.b);
  await publisher.publish('x', 'hello', { qos: 2 });
  await until(() => received.length > 0);
  expect(received).toEqual(['hello']);
});

test('a member that starts again has its sessions, queues and retained messages', async () => {
  const all = { a: await freePorts() };
  const first = appliance('a', all);
  await first.start();
  await serving(all.a);
  const subscriber = await connect('subscriber', all.a);
  await subscriber.subscribe({ 'x/#': { qos: 1 } });
  await subscriber.stop();
  const publisher = await connect('publisher', all.a);
  await publisher.publish('x/queued', 'waits', { qos: 1 });
  await publisher.publish('r', 'kept', { qos: 1, retain: true });
  await publisher.stop();
  await first.stop();
  running = [];

  await appliance('a', all).start();
  await serving(all.a);
  const received: string[] = [];
  await connect('subscriber', all.a, ({ topic }) => received.push(topic));
  await until(() => received.length > 0);
  expect(received).toEqual(['x/queued']);
  expect((await status(all.a)).retained).toBe(1);
});

test('a port in use is one clear error, and nothing is left running', async () => {
  const all = { a: await freePorts() };
  const other = createServer().listen(all.a.mqtt, host);
  await once(other, 'listening');
  await expect(appliance('a', all).start()).rejects.toMatchObject({
    code: 'LISTEN',
    message: expect.stringContaining(`${host}:${all.a.mqtt}`),
  });
  other.close();
});

test('a data directory of another member is refused and left as it is', async () => {
  const all = { a: await freePorts() };
  const first = appliance('a', all);
  await first.start();
  await serving(all.a);
  await first.stop();
  running = [];
  const config = schema.parse({ id: 'b', host, peers: [`b=${host}:1`], data: join(directory, 'a') });
  const intruder = new Appliance({
    config,
    logger: silentLogger,
    version: 'test',
    onFatal: () => {},
    onStopRequested: () => {},
  });
  await expect(intruder.start()).rejects.toMatchObject({ code: 'STORE_OWNER' });
  await appliance('a', all).start();
  await serving(all.a);
});

test('metrics, health and readiness are served', async () => {
  const all = { a: await freePorts() };
  await appliance('a', all, 20).start();
  await serving(all.a);
  const get = (path: string) => fetch(`http://${host}:${all.a.http}${path}`);
  expect((await get('/healthz')).status).toBe(200);
  expect((await get('/readyz')).status).toBe(200);
  await until(async () =>
    /mqtt_cluster_publish_acks_total\{.*qos="2".*\} [1-9]/.test(await (await get('/metrics')).text()),
  );
  const text = await (await get('/metrics')).text();
  expect(text).toMatch(/mqtt_cluster_member_state\{state="serving",member="a"\} 1/);
});
