import { rmSync } from 'node:fs';
import { until } from '@mqtt-cluster/testing';
import type { IPublishPacket } from 'mqtt-packet';
import type { RawClient } from '../support/raw-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

const packetBytesMax = 1_048_576;
/** A log of this size leads to a snapshot, so that the test also carries large messages in snapshots. */
const logBytesMax = 2 * packetBytesMax;
/** Bytes of the largest will: MQTT encodes its length in two bytes (3.1.1, 3.1.3.3). */
const willBytes = 65_535;

let cluster: TestCluster;
afterEach(() => cluster.close());

/** Returns the payload with which PUBLISH of MQTT 3.1.1 has exactly the largest size. */
function largest(topic: string, qos: 0 | 1 | 2, fill: string): string {
  const fixedHeaderBytes = 4;
  return fill.repeat(packetBytesMax - fixedHeaderBytes - 2 - topic.length - (qos > 0 ? 2 : 0));
}

type Publish = IPublishPacket & { payload: Buffer };

/** Resolves with the message of the topic, and acknowledges it. */
async function message(client: RawClient, topic: string): Promise<Publish> {
  const find = (): Publish | undefined =>
    client.received.find((packet): packet is Publish => packet.cmd === 'publish' && packet.topic === topic);
  await until(() => find() !== undefined);
  const found = find()!;
  const messageId = found.messageId ?? 0;
  if (found.qos === 1) client.send({ cmd: 'puback', messageId });
  if (found.qos === 2) {
    client.send({ cmd: 'pubrec', messageId });
    await until(() =>
      client.received.some((packet) => packet.cmd === 'pubrel' && packet.messageId === messageId),
    );
    client.send({ cmd: 'pubcomp', messageId });
  }
  return found;
}

function start(): Promise<TestCluster> {
  return TestCluster.start(['a', 'b', 'c'], {
    mqtt: { packetBytesMax },
    limits: { logBytesMax },
    whenIsolated: 'accept',
  });
}

test('another member delivers the largest message at each QoS, retained and queued, also after restarts and snapshots', async () => {
  cluster = await start();
  const subscriber = await cluster.connect('b', 'subscriber', { clean: false });
  await subscriber.subscribe('large/#', 2);
  const publisher = await cluster.connect('a', 'publisher');
  for (const qos of [0, 1, 2] as const) {
    const topic = `large/${qos}`;
    const payload = largest(topic, qos, String(qos));
    publisher.publish(topic, payload, qos, qos === 0 ? undefined : qos);
    if (qos === 1) await publisher.got('puback');
    if (qos === 2) {
      await publisher.got('pubrec');
      publisher.send({ cmd: 'pubrel', messageId: 2 });
      await publisher.got('pubcomp');
    }
    const received = await message(subscriber, topic);
    expect(received.qos).toBe(qos);
    expect(received.payload.toString() === payload).toBe(true);
  }
  subscriber.destroy();
  const retained = largest('large/retained', 1, 'r');
  publisher.publish('large/retained', retained, 1, 7, true);
  await publisher.got('puback', 2);
  for (let number = 1; number <= 3; number++) {
    const topic = `large/queued/${number}`;
    publisher.publish(topic, largest(topic, 1, String(number)), 1, 10 + number);
  }
  await publisher.got('puback', 5);

  await cluster.stop('a', 'b', 'c');
  // The member c receives everything from its peers, in a snapshot.
  rmSync(cluster.dataDirectory('c'), { recursive: true });
  await Promise.all(['a', 'b', 'c'].map((id) => cluster.start(id)));
  await cluster.serving('a', 'b', 'c');
  expect((await cluster.status('c')).snapshotIndex).toBeGreaterThan(0);
  const resumed = await cluster.connect('c', 'subscriber', { clean: false });
  for (let number = 1; number <= 3; number++) {
    const topic = `large/queued/${number}`;
    const { payload } = await message(resumed, topic);
    expect(payload.toString() === largest(topic, 1, String(number))).toBe(true);
  }
  const later = await cluster.connect('c', 'later');
  await later.subscribe('large/retained', 1);
  const { retain, payload } = await message(later, 'large/retained');
  expect(retain).toBe(true);
  expect(payload.toString() === retained).toBe(true);
});

test('the largest will arrives at another member, and so does the largest message that an isolated member accepted', async () => {
  cluster = await start();
  const subscriber = await cluster.connect('b', 'subscriber', { clean: false });
  await subscriber.subscribe('large/#', 1);
  const will = { topic: 'large/will', payload: Buffer.alloc(willBytes, 'w'), qos: 1, retain: true } as const;
  const dying = await cluster.connect('a', 'dying', { will });
  dying.destroy();
  expect((await message(subscriber, 'large/will')).payload.length).toBe(willBytes);
  subscriber.destroy();

  const publisher = await cluster.connect('a', 'publisher');
  await cluster.stop('b', 'c');
  await until(async () => (await cluster.status('a')).state === 'isolated');
  const topic = 'large/isolated';
  const payload = largest(topic, 1, 'i');
  publisher.publish(topic, payload, 1, 1);
  await publisher.got('puback');
  await Promise.all(['b', 'c'].map((id) => cluster.start(id)));
  await cluster.serving('a', 'b', 'c');
  const resumed = await cluster.connect('c', 'subscriber', { clean: false });
  expect((await message(resumed, topic)).payload.toString() === payload).toBe(true);
});

test('a packet that is one byte larger is refused', async () => {
  cluster = await TestCluster.start(['a'], { mqtt: { packetBytesMax } });
  const client = await cluster.connect('a', 'client');
  client.publish('t', `${largest('t', 1, 'x')}x`, 1, 1);
  await client.closed();
  expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack']);
});
