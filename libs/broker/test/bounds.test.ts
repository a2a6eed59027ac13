import { authenticatorOf, decisions } from './support/access.ts';
import { connect, connectPacket, open, startBroker } from './support/driver.ts';
import type { BrokerTarget } from './support/driver.ts';
import type { BrokerOptions } from '../src/index.ts';
import { turnsUntil } from '@mqtt-cluster/testing';

const targets: BrokerTarget[] = [];

async function start(options: Partial<BrokerOptions>): Promise<BrokerTarget> {
  const target = await startBroker(options);
  targets.push(target);
  return target;
}

afterEach(async () => {
  for (const target of targets.splice(0)) await target.stop();
});

test('the broker reports to the member that an outgoing buffer is full, and that it has drained', async () => {
  const target = await start({ limits: { outgoingBytesMax: 100_000 } });
  const slow = await connect(target, 'slow');
  await slow.subscribe(1, 'a', 0);
  slow.stream.pause();
  const publisher = await connect(target, 'p');
  for (let count = 0; count < 10; count++) publisher.publish('a', 'x'.repeat(50_000));
  await turnsUntil(() => target.port.writables.includes(false));
  publisher.publish('b', 'still served', { qos: 1, messageId: 1 });
  await publisher.next('puback');
  slow.stream.resume();
  await turnsUntil(() => target.port.writables.includes(true));
  expect(target.port.writables).toEqual([false, true]);
});

test('the broker disconnects a client whose outgoing buffer stays full', async () => {
  const target = await start({ limits: { outgoingBytesMax: 100_000, stalledMsMax: 1 } });
  const slow = await connect(target, 'slow');
  await slow.subscribe(1, 'a', 0);
  slow.stream.pause();
  const publisher = await connect(target, 'p');
  for (let count = 0; count < 10; count++) publisher.publish('a', 'x'.repeat(50_000));
  await turnsUntil(() => target.port.disconnects.length > 0);
  expect(target.broker.counters().slowConsumers).toBe(1);
  expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
});

test('the broker stops reading from a client that does not read its responses', async () => {
  const target = await start({ limits: { outgoingBytesMax: 1_000 } });
  const client = await connect(target, 'c');
  client.stream.pause();
  // The responses to this number of pings exceed the buffers of the stream pair, which are larger in Node 22
  // than in Node 20.
  const pings = 200_000;
  for (let sent = 0; sent < pings; sent += 1_000) {
    client.sendBytes(...new Array<readonly number[]>(1_000).fill([0xc0, 0]));
  }
  await turnsUntil(() => target.port.writables.includes(false));
  const { bytesSent } = target.broker.counters();
  for (let turn = 0; turn < 1_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(target.broker.counters().bytesSent - bytesSent).toBeLessThan(100);
  client.stream.resume();
  await turnsUntil(() => client.packets.length === 1 + pings);
});

test('QoS 2 publishes of an MQTT 3.1.1 client wait when the QoS 2 window is full, and keep their order', async () => {
  const target = await start({ limits: { receiveMaximum: 2 } });
  const subscriber = await connect(target, 's');
  await subscriber.subscribe(1, 'a', 2);
  const publisher = await connect(target, 'p');
  for (let messageId = 1; messageId <= 5; messageId++)
    publisher.publish('a', String(messageId), { qos: 2, messageId });
  publisher.publish('a', '6');
  await publisher.next('pubrec');
  await publisher.next('pubrec');
  await publisher.settle();
  expect(target.port.inputKinds.filter((call) => call === 'publish')).toHaveLength(2);
  for (let messageId = 1; messageId <= 5; messageId++) {
    publisher.send({ cmd: 'pubrel', messageId });
    await publisher.next('pubcomp', (packet) => packet.messageId === messageId);
  }
  await subscriber.settle();
  expect(subscriber.publishes.map(({ payload }) => payload.toString())).toEqual([
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
  ]);
});

test('the broker disconnects a client when its QoS 2 publishes that wait for the full window have too many bytes', async () => {
  const target = await start({ limits: { receiveMaximum: 1, heldBytesMax: 1_000 } });
  const publisher = await connect(target, 'p');
  for (let messageId = 1; messageId <= 5; messageId++) {
    publisher.publish('a', 'x'.repeat(400), { qos: 2, messageId });
  }
  await publisher.closed;
});

test('the broker handles the QoS 2 publishes that wait for the window before the DISCONNECT of their client', async () => {
  const target = await start({ limits: { receiveMaximum: 1 } });
  const publisher = await connect(target, 'p');
  publisher.publish('a', '1', { qos: 2, messageId: 1 });
  publisher.publish('a', '2', { qos: 2, messageId: 2 });
  publisher.publish('a', '3', { qos: 1, messageId: 3 });
  publisher.publish('a', '4');
  await publisher.disconnect();
  expect(target.port.inputKinds.filter((call) => call === 'publish')).toHaveLength(3);
});

test('the broker stops reading from a publisher with too many unacknowledged publishes', async () => {
  const target = await start({ limits: { unacknowledgedMax: 10 } });
  const publisher = await connect(target, 'p');
  target.port.suspend();
  for (let messageId = 1; messageId <= 50; messageId++) {
    publisher.publish('a', 'x', { qos: 1, messageId });
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(target.port.inputKinds.filter((call) => call === 'publish')).toHaveLength(10);
  target.port.resume();
  for (let messageId = 1; messageId <= 50; messageId++) {
    await expect(publisher.next('puback')).resolves.toMatchObject({ messageId });
  }
});

test('the broker limits the publish rate without losing publishes', async () => {
  const target = await start({ limits: { publishesPerSecondMax: 100 } });
  const publisher = await connect(target, 'p');
  for (let messageId = 1; messageId <= 130; messageId++) publisher.publish('a', 'x', { qos: 1, messageId });
  await publisher.next('puback', (packet) => packet.messageId === 100);
  expect(publisher.packets.filter(({ cmd }) => cmd === 'puback').length).toBeLessThan(130);
  await publisher.next('puback', (packet) => packet.messageId === 130);
});

test('the broker rejects a client when the maximum number of clients is connected', async () => {
  const target = await start({ limits: { clientsMax: 2 } });
  const first = await connect(target, 'a');
  await connect(target, 'b');
  const third = open(target, 5);
  third.send(connectPacket('c', { protocolVersion: 5 }));
  await expect(third.next('connack')).resolves.toMatchObject({ reasonCode: 0x97 });
  await first.disconnect();
  const fourth = await connect(target, 'd');
  expect(fourth.packets[0]).toMatchObject({ returnCode: 0 });
});

test('the broker closes a connection that sends no CONNECT in time', async () => {
  const target = await start({ limits: { connectMsMax: 1 } });
  await open(target).closed;
});

test('the broker disconnects a client that sends no packet for one and a half keep-alive intervals [5.0 MQTT-3.1.2-22]', async () => {
  const target = await start({});
  const client = await connect(target, 'c', { protocolVersion: 5, keepalive: 1 });
  await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x8d });
  expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
});

test('every packet of a client restarts its keep-alive timer, not only PINGREQ [3.1.1 MQTT-3.1.2-24]', async () => {
  const target = await start({});
  const silent = await connect(target, 'silent', { keepalive: 1 });
  const busy = await connect(target, 'busy', { keepalive: 1 });
  // The busy client stays connected for twice the time after which the broker disconnects a client that sends
  // no packet.
  for (const mark of ['first', 'second']) {
    const other = mark === 'first' ? silent : await connect(target, mark, { keepalive: 1 });
    await turnsUntil(
      () => other.isClosed,
      () => busy.publish('a', mark),
    );
  }
  expect(busy.isClosed).toBe(false);
});

test('the broker sends Server Keep Alive to an MQTT 5 client with a longer keep-alive (MQTT 5, 3.2.2.3.14)', async () => {
  const target = await start({ limits: { keepAliveSecondsMax: 30 } });
  const client = open(target, 5);
  client.send(connectPacket('c', { protocolVersion: 5, keepalive: 0 }));
  await expect(client.next('connack')).resolves.toMatchObject({ properties: { serverKeepAlive: 30 } });
});

test('packets that follow CONNECT in the same TCP segment wait for CONNACK, and keep their order', async () => {
  const target = await start({});
  const client = open(target);
  target.port.suspend();
  client.send(
    connectPacket('c'),
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] },
    { cmd: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false },
  );
  await turnsUntil(() => target.port.inputKinds.includes('connect'));
  target.port.resume();
  await client.next('publish');
  expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack', 'suback', 'publish']);
});

test('the broker accepts only authenticated clients', async () => {
  const seen: unknown[] = [];
  const target = await start({
    authenticator: authenticatorOf(async ({ client, userName, password }) => {
      seen.push([client, userName, password && Buffer.from(password).toString()]);
      if (client === 'broken') throw new Error('the directory is down');
      return userName === 'good';
    }),
  });
  const good = await connect(target, 'c', { username: 'good', password: Buffer.from('secret') });
  expect(good.packets[0]).toMatchObject({ returnCode: 0 });
  for (const [id, reasonCode] of [
    ['other', 0x87],
    ['broken', 0x88],
  ] as const) {
    const client = open(target, 5);
    client.send(connectPacket(id, { protocolVersion: 5 }));
    await expect(client.next('connack')).resolves.toMatchObject({ reasonCode });
  }
  expect(seen).toEqual([
    ['c', 'good', 'secret'],
    ['other', undefined, undefined],
    ['broken', undefined, undefined],
  ]);
});

test('the broker authorizes each published topic and each subscribed filter', async () => {
  const target = await start({
    access: decisions({
      mayPublish: ({ identity }, topic) => topic.startsWith(`${identity.client}/`),
      grantedQos: (_subject, filter, qos) => (filter === 'secret' ? null : qos),
    }),
  });
  const client = await connect(target, 'c', { protocolVersion: 5 });
  client.publish('d/x', 'x', { qos: 1, messageId: 1 });
  await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x87 });
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'secret', qos: 0 }] });
  await expect(client.next('suback')).resolves.toMatchObject({ granted: [0x87] });
});

test('the broker publishes $SYS topics of the broker and of the cluster', async () => {
  const target = await start({ version: '9.9.9', members: () => '[]' });
  const client = await connect(target, 'c');
  await client.subscribe(1, '$SYS/#', 0);
  await client.settle();
  const found = new Map(client.publishes.map(({ topic, payload }) => [topic, payload.toString()]));
  expect(found.get('$SYS/broker/version')).toBe('9.9.9');
  expect(found.get('$SYS/cluster/members')).toBe('[]');
  expect(found.has('$SYS/broker/clients/connected')).toBe(true);
});

test('a stopping broker disconnects clients with 0x8B and does not end their sessions at the member', async () => {
  const target = await start({});
  const client = await connect(target, 'c', { protocolVersion: 5 });
  await target.stop();
  await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x8b });
  expect(target.port.disconnects).toEqual([]);
});

test('a filter beyond a bound gets the code 0x97 in MQTT 5 and 0x80 in MQTT 3.1.1 [3.1.1 MQTT-3.9.3-2]', async () => {
  for (const [protocolVersion, code] of [
    [5, 0x97],
    [4, 0x80],
  ] as const) {
    const target = await start({});
    const client = await connect(target, `c${protocolVersion}`, { protocolVersion });
    const subscriptions = ['beyond/a/bound', 'other'].map((topic) => ({ topic, qos: 1 as const }));
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions });
    await expect(client.next('suback')).resolves.toMatchObject({ granted: [code, 1] });
  }
});
