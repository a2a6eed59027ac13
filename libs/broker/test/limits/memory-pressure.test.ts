import {
  connectPacket,
  RawClient,
  startBroker,
  startBrokerWithMember,
  streamPair,
} from '../support/driver.ts';
import { connectFrom, openFrom } from './support.ts';

const address = '192.0.2.1';

test('above the memory ceiling new clients are rejected first, and the connected ones are served', async () => {
  const target = await startBroker({});
  const client = await connectFrom(target, address, 'c');
  await client.subscribe(1, 'a', 0);
  target.broker.setMemoryPressure('refuseClients');
  const newcomer = openFrom(target, address, 5);
  newcomer.send(connectPacket('new', { protocolVersion: 5 }));
  await expect(newcomer.next('connack')).resolves.toMatchObject({ reasonCode: 0x97 });
  client.publish('a', 'QoS 0');
  await client.next('publish');
  target.broker.setMemoryPressure('none');
  await connectFrom(target, address, 'new');
  expect(target.broker.counters().refusals.memory).toBe(1);
});

test('far above the memory ceiling QoS 0 publishes are dropped and counted, and QoS 1 ones are acknowledged', async () => {
  const target = await startBroker({});
  const client = await connectFrom(target, address, 'c');
  await client.subscribe(1, 'a', 1);
  target.broker.setMemoryPressure('dropQos0');
  client.publish('a', 'dropped');
  client.publish('a', 'stored', { qos: 1, messageId: 1 });
  await client.next('puback');
  const { messageId = 0, payload } = await client.next('publish');
  expect(payload.toString()).toBe('stored');
  client.send({ cmd: 'puback', messageId });
  await openFrom(target, address).closed;
  target.broker.setMemoryPressure('none');
  client.publish('a', 'served again');
  await client.settle();
  expect(client.publishes.map((each) => each.payload.toString())).toEqual(['stored', 'served again']);
  expect(target.broker.counters()).toMatchObject({ droppedForMemory: 1, refusals: { memory: 1 } });
});

test('an owner of a connection learns that a QoS 0 publish was dropped', async () => {
  const target = await startBroker({});
  const refused: number[] = [];
  const [stream, served] = streamPair();
  target.broker.handle(served, { address, onQos0Refused: (reasonCode) => refused.push(reasonCode) });
  const client = new RawClient(stream, 5);
  client.send(connectPacket('c', { protocolVersion: 5 }));
  await client.next('connack');
  client.publish('a', 'accepted');
  await client.settle();
  expect(refused).toEqual([]);
  target.broker.setMemoryPressure('dropQos0');
  client.publish('a', 'dropped');
  await client.settle();
  expect(refused).toEqual([0x97]);
});

test('an MQTT 5 client is redirected if the memory of this member is used and another member can serve it', async () => {
  const target = await startBroker({ serverReference: () => 'other:1883' });
  target.broker.setMemoryPressure('refuseClients');
  const newcomer = openFrom(target, address, 5);
  newcomer.send(connectPacket('new', { protocolVersion: 5 }));
  await expect(newcomer.next('connack')).resolves.toMatchObject({
    reasonCode: 0x9c,
    properties: { serverReference: 'other:1883' },
  });
});

test('without memory for a snapshot QoS 1 and 2 publishes are rejected, and new clients still receive their queues', async () => {
  const target = await startBroker({});
  const client = await connectFrom(target, address, 'c', { protocolVersion: 5 });
  target.broker.setPublishesRefused(true);
  client.publish('a', 'rejected', { qos: 1, messageId: 1 });
  await expect(client.next('puback')).resolves.toMatchObject({ messageId: 1, reasonCode: 0x97 });
  client.publish('a', 'rejected', { qos: 2, messageId: 2 });
  await expect(client.next('pubrec')).resolves.toMatchObject({ messageId: 2, reasonCode: 0x97 });
  const older = await connectFrom(target, address, 'older');
  older.publish('a', 'rejected', { qos: 1, messageId: 1 });
  await older.closed;
  expect(target.broker.counters().publishRefusals.quota).toBe(3);
  target.broker.setPublishesRefused(false);
  client.publish('a', 'accepted', { qos: 1, messageId: 3 });
  await expect(client.next('puback')).resolves.toMatchObject({ messageId: 3, reasonCode: 0 });
});

test('without memory new filters are refused with 0x97, first those that enlarge the replicated state', async () => {
  const target = await startBrokerWithMember();
  const connect = async (clientId: string, clean: boolean): Promise<RawClient> => {
    const client = new RawClient(target.stream(), 5);
    const properties = { sessionExpiryInterval: clean ? 0 : 3_600 };
    client.send(connectPacket(clientId, { protocolVersion: 5, clean, properties }));
    await client.next('connack');
    return client;
  };
  const persistent = await connect('persistent', false);
  const clean = await connect('clean', true);
  const subscribe = async (client: RawClient, topic: string): Promise<unknown> => {
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 0 }] });
    return (await client.next('suback')).granted[0];
  };
  await expect(subscribe(persistent, 'old')).resolves.toBe(0);
  target.broker.setPublishesRefused(true);
  await expect(subscribe(persistent, 'old')).resolves.toBe(0);
  await expect(subscribe(persistent, 'new')).resolves.toBe(0x97);
  await expect(subscribe(clean, 'new')).resolves.toBe(0);
  target.broker.setMemoryPressure('dropQos0');
  await expect(subscribe(persistent, 'old')).resolves.toBe(0);
  await expect(subscribe(clean, 'newer')).resolves.toBe(0x97);
  expect(target.broker.counters().limits.subscriptions).toBe(2);
  target.broker.setMemoryPressure('none');
  target.broker.setPublishesRefused(false);
  await expect(subscribe(persistent, 'new')).resolves.toBe(0);
});
