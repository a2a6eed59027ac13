import { once } from 'node:events';
import { createServer } from 'node:net';
import type { IncomingMessage } from '@mqtt-cluster/failover-client';
import { host, until } from '@mqtt-cluster/testing';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster;

afterEach(() => cluster.close());

test('three appliances form a cluster, and a message travels from one member to another', async () => {
  cluster = await TestCluster.start(['a', 'b', 'c']);
  const received: string[] = [];
  const onMessage = ({ payload }: IncomingMessage): void => {
    received.push(new TextDecoder().decode(payload));
  };
  const subscriber = await cluster.connectFailoverClient('a', 'subscriber', { onMessage });
  await subscriber.subscribe({ x: { qos: 2 } });
  const publisher = await cluster.connectFailoverClient('b', 'publisher');
  await publisher.publish('x', 'hello', { qos: 2 });
  await until(() => received.length > 0);
  expect(received).toEqual(['hello']);
});

test('a restarted member still has its sessions, queues and retained messages', async () => {
  cluster = await TestCluster.start(['a']);
  const subscriber = await cluster.connectFailoverClient('a', 'subscriber');
  await subscriber.subscribe({ 'x/#': { qos: 1 } });
  await subscriber.stop();
  const publisher = await cluster.connectFailoverClient('a', 'publisher');
  await publisher.publish('x/queued', 'waits', { qos: 1 });
  await publisher.publish('r', 'kept', { qos: 1, retain: true });
  await publisher.stop();
  await cluster.stop('a');

  await cluster.start('a');
  await cluster.serving('a');
  const received: string[] = [];
  const onMessage = ({ topic }: IncomingMessage): void => void received.push(topic);
  await cluster.connectFailoverClient('a', 'subscriber', { onMessage });
  await until(() => received.length > 0);
  expect(received).toEqual(['x/queued']);
  expect((await cluster.status('a')).retained).toBe(1);
});

test('without the setting urls, a member that stops redirects its MQTT 5 clients to another member by Server Reference', async () => {
  cluster = await TestCluster.start(['a', 'b', 'c'], { urls: [] });
  const client = await cluster.connect('a', 'client', { protocolVersion: 5 });
  await cluster.stop('a');
  await client.got('disconnect');
  const others = ['b', 'c'].map((id) => `${host}:${cluster.portsOf(id).mqtt}`);
  expect(client.received.find(({ cmd }) => cmd === 'disconnect')).toMatchObject({
    reasonCode: 0x9c,
    properties: { serverReference: expect.stringMatching(new RegExp(`^(${others.join('|')})$`)) },
  });
});

test('an appliance does not start when its port is in use, and the error contains the port', async () => {
  cluster = await TestCluster.create(['a']);
  const { mqtt } = cluster.portsOf('a');
  const other = createServer().listen(mqtt, host);
  await once(other, 'listening');
  try {
    await expect(cluster.start('a')).rejects.toMatchObject({
      code: 'LISTEN',
      message: expect.stringContaining(`${host}:${mqtt}`),
    });
  } finally {
    other.close();
  }
});

test('an appliance rejects the data directory of another member and leaves it unchanged', async () => {
  cluster = await TestCluster.start(['a']);
  await cluster.stop('a');
  await cluster.setMembers(['b']);
  await expect(cluster.start('b', { data: cluster.dataDirectory('a') })).rejects.toMatchObject({
    code: 'STORE_OWNER',
  });
  await cluster.setMembers(['a']);
  await cluster.start('a');
  await cluster.serving('a');
});

test('an appliance serves metrics, health and readiness by HTTP', async () => {
  cluster = await TestCluster.start(['a'], { publisher: { rate: 20 } });
  expect((await cluster.get('a', '/healthz')).status).toBe(200);
  expect((await cluster.get('a', '/readyz')).status).toBe(200);
  const page = async (): Promise<string> => (await cluster.get('a', '/metrics')).text();
  await until(async () => /mqtt_cluster_publish_acks_total\{.*qos="2".*\} [1-9]/.test(await page()));
  expect(await page()).toMatch(/mqtt_cluster_member_state\{state="serving",member="a"\} 1/);
});
