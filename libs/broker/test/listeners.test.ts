import { connect as connectSocket } from 'node:net';
import { ListenError, silentLogger } from '@mqtt-cluster/contracts';
import { createBroker } from '../src/index.ts';
import type { Broker, ListenerOptions } from '../src/index.ts';
import { connectPacket, RawClient } from './support/driver.ts';
import { FakeClientPort } from './support/fake-client-port.ts';
import { authenticatorOf } from './support/access.ts';

const loopback: ListenerOptions = { host: '127.0.0.1', port: 0, kind: 'tcp' };
const brokers: Broker[] = [];

function create(...listeners: ListenerOptions[]): Broker {
  const broker = createBroker({
    memberId: 'member-1',
    port: new FakeClientPort(),
    listeners,
    logger: silentLogger,
  });
  brokers.push(broker);
  return broker;
}

afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop();
});

function portOf(broker: Broker, index = 0): number {
  const address = broker.addresses()[index];
  if (!address) throw new Error('the broker has no such listener');
  return address.port;
}

test('the broker serves clients over TCP on each listener', async () => {
  const broker = create(loopback, { ...loopback, host: '127.0.0.2' });
  await broker.start();
  const subscriber = new RawClient(connectSocket(portOf(broker), '127.0.0.1'));
  subscriber.send(connectPacket('s'));
  await subscriber.next('connack');
  await subscriber.subscribe(1, 'a', 1);
  const publisher = new RawClient(connectSocket(portOf(broker, 1), '127.0.0.2'));
  publisher.send(connectPacket('p'));
  await publisher.next('connack');
  const large = 'x'.repeat(200_000);
  for (let messageId = 1; messageId <= 50; messageId++) publisher.publish('a', large, { qos: 1, messageId });
  for (let count = 0; count < 50; count++) {
    const { messageId = 0, payload } = await subscriber.next('publish');
    expect(payload.length).toBe(large.length);
    subscriber.send({ cmd: 'puback', messageId });
  }
  await publisher.disconnect();
});

test.each([
  ['::1', '::1', '::1'],
  ['::ffff:127.0.0.1', '127.0.0.1', '127.0.0.1'],
])(
  'a listener at %s serves a client that connects to %s, and reports its address as %s',
  async (bound, target, reported) => {
    const addresses: string[] = [];
    const broker = createBroker({
      memberId: 'member-1',
      port: new FakeClientPort(),
      listeners: [{ ...loopback, host: bound }],
      logger: silentLogger,
      authenticator: authenticatorOf(({ address }) => addresses.push(address) > 0),
    });
    brokers.push(broker);
    await broker.start();
    const client = new RawClient(connectSocket(portOf(broker), target));
    client.send(connectPacket('c'));
    await client.next('connack');
    expect(addresses).toEqual([reported]);
    await client.disconnect();
  },
);

test('the start of the broker fails with one error when an address is in use, and unbinds the other listeners', async () => {
  const first = create(loopback);
  await first.start();
  const taken = { ...loopback, port: portOf(first) };
  const second = create(loopback, taken);
  await expect(second.start()).rejects.toThrow(ListenError);
  await expect(create(taken).start()).rejects.toThrow(
    `cannot listen on 127.0.0.1:${taken.port}: another process already listens on this address`,
  );
  expect(second.addresses()).toEqual([]);
});

test('the start of the broker fails for an address that this host does not have', async () => {
  const broker = create({ ...loopback, host: '192.0.2.1' });
  await expect(broker.start()).rejects.toThrow('this host does not have this address');
});

test('the broker limits the rate of connections from one address', async () => {
  const broker = createBroker({
    memberId: 'member-1',
    port: new FakeClientPort(),
    listeners: [loopback],
    logger: silentLogger,
    limits: { connectsPerSecondMax: 1 },
  });
  brokers.push(broker);
  await broker.start();
  const sockets = Array.from({ length: 20 }, () => connectSocket(portOf(broker), '127.0.0.1'));
  let closed = 0;
  await new Promise<void>((resolve) => {
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.resume();
      socket.on('close', () => {
        closed++;
        if (closed === 10) resolve();
      });
    }
  });
  expect(broker.counters().connectionsRefused).toBeGreaterThanOrEqual(10);
  for (const socket of sockets) socket.destroy();
});

test('a stopping broker closes the listeners and the connections', async () => {
  const broker = create(loopback);
  await broker.start();
  const port = portOf(broker);
  const client = new RawClient(connectSocket(port, '127.0.0.1'));
  client.send(connectPacket('c'));
  await client.next('connack');
  await broker.stop();
  await client.closed;
  const refused = connectSocket(port, '127.0.0.1');
  await expect(new Promise((resolve) => refused.on('error', resolve))).resolves.toMatchObject({
    code: 'ECONNREFUSED',
  });
});
