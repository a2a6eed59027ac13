import { jest } from '@jest/globals';
import { turnsUntil } from '@mqtt-cluster/testing';
import { authenticatorOf } from '../support/access.ts';
import { connect, connectPacket, startBroker } from '../support/driver.ts';
import type { RawClient } from '../support/driver.ts';
import { bufferMetrics, connectFrom, openFrom, recordingLogger, unfinishedPacket } from './support.ts';

/** The sweep of the broker is the only interval. */
const timersExceptIntervals = [
  'Date',
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setTimeout',
  'clearTimeout',
] as const;

const attacker = '192.0.2.66';
const mebibyte = 1024 * 1024;
const connectType = 0x10;
const publishType = 0x30;

/** Waits for some turns of the event loop, in which the broker handles what clients have sent. */
async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('10,000 silent connections from one address keep no newcomer from another address out', async () => {
  const { logger, warnings } = recordingLogger();
  const target = await startBroker({
    logger,
    limits: { connectsPerSecondMax: 0, unauthenticatedMax: 1_000 },
  });
  for (let count = 0; count < 10_000; count++) target.stream(attacker);
  for (let count = 0; count < 20; count++) await connectFrom(target, `192.0.2.${count}`, `honest ${count}`);
  expect(target.broker.counters()).toMatchObject({ connectionsAccepted: 20, disconnects: { evicted: 0 } });
  expect(target.broker.counters().limits.unauthenticated_connections).toBe(9_001);
  // One line names the address, although it was refused thousands of times.
  expect(warnings.filter(({ fields }) => fields['address'] === attacker)).toHaveLength(1);
});

test('idle clients of one address give their places to newcomers from other addresses, the longest idle first', async () => {
  const { metrics, sets } = bufferMetrics();
  const target = await startBroker({ metrics, limits: { clientsMax: 20 } });
  const idle: RawClient[] = [];
  for (let count = 0; count < 20; count++) {
    idle.push(await connectFrom(target, attacker, `idle ${count}`, { protocolVersion: 5 }));
  }
  const refused = openFrom(target, attacker, 5);
  refused.send(connectPacket('one more', { protocolVersion: 5 }));
  await expect(refused.next('connack')).resolves.toMatchObject({ reasonCode: 0x97 });
  const [busy, longestIdle] = idle as [RawClient, RawClient];
  // The broker looks for activity once a second, when it also reports its metrics.
  const sweep = async (): Promise<void> => {
    const before = sets();
    await turnsUntil(() => sets() > before);
  };
  await sweep();
  busy.send({ cmd: 'pingreq' });
  await busy.next('pingresp');
  await sweep();
  await connectFrom(target, '192.0.2.1', 'newcomer');
  await expect(longestIdle.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x97 });
  expect(busy.isClosed).toBe(false);
  expect(target.broker.counters().disconnects.evicted).toBe(1);
  expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
});

test('a user at the bound of its connections is refused from every address, and other users connect', async () => {
  const authenticator = authenticatorOf(() => true);
  const target = await startBroker({ authenticator, limits: { connectionsPerUserMax: 2 } });
  const of = (username: string) => ({ protocolVersion: 5, username, password: Buffer.from('p') }) as const;
  await connectFrom(target, '192.0.2.1', 'first of ada', of('ada'));
  const second = await connectFrom(target, '192.0.2.2', 'second of ada', of('ada'));
  const third = openFrom(target, '192.0.2.3', 5);
  third.send(connectPacket('third of ada', of('ada')));
  await expect(third.next('connack')).resolves.toMatchObject({ reasonCode: 0x97 });
  expect(target.broker.counters().limits.user_connections).toBe(1);
  await connectFrom(target, '192.0.2.3', 'first of bob', of('bob'));
  // A connection that ends frees its place.
  second.send({ cmd: 'disconnect' });
  await turnsUntil(() => second.isClosed);
  await connectFrom(target, '192.0.2.3', 'fourth of ada', of('ada'));
});

test('users share the places of a full member, so the clients of one user keep no other user out', async () => {
  const authenticator = authenticatorOf(() => true);
  const target = await startBroker({ authenticator, limits: { clientsMax: 10 } });
  const of = (username: string) => ({ username, password: Buffer.from('p') });
  // The attacker logs in from many addresses, so that its share by address would be large.
  for (let count = 0; count < 10; count++) {
    await connectFrom(target, `192.0.2.${count}`, `attacker ${count}`, of('mallory'));
  }
  for (let count = 0; count < 5; count++)
    await connectFrom(target, '192.0.2.200', `honest ${count}`, of('ada'));
  expect(target.broker.counters()).toMatchObject({ connectionsAccepted: 15, disconnects: { evicted: 5 } });
});

test('clients of an address below its share keep their places, however many addresses connect', async () => {
  const target = await startBroker({ limits: { clientsMax: 10 } });
  const honest = await connectFrom(target, '192.0.2.1', 'honest');
  for (let count = 0; count < 100; count++) {
    const client = openFrom(target, `198.51.100.${count}`);
    client.send(connectPacket(`attacker ${count}`));
    await client.next('connack');
  }
  await honest.settle();
  expect(honest.isClosed).toBe(false);
  expect(target.broker.clientsConnected).toBe(10);
});

test('1,000 unfinished CONNECTs of 255 KB take 16 MiB at most, and a newcomer from another address connects', async () => {
  const { metrics, most } = bufferMetrics();
  const target = await startBroker({ metrics });
  const packet = unfinishedPacket(connectType, 255_000, 254_000);
  for (let count = 0; count < 1_000; count++) {
    openFrom(target, attacker).stream.write(packet);
    if (count % 10 === 0) await turns(5);
    target.broker.report();
  }
  await connectFrom(target, '192.0.2.1', 'honest', {
    will: { topic: 'will', payload: Buffer.alloc(60_000), qos: 1, retain: false },
  });
  expect(most.get('unauthenticated')).toBeGreaterThan(mebibyte);
  expect(most.get('unauthenticated')).toBeLessThanOrEqual(16 * mebibyte);
  expect(target.broker.counters().limits.unauthenticated_bytes).toBeGreaterThan(900);
});

test('1,000 unfinished packets of 255 KB from clients take 48 MiB at most, and a witness misses no message', async () => {
  const { metrics, most } = bufferMetrics();
  const target = await startBroker({ metrics });
  const witness = await connectFrom(target, '192.0.2.1', 'witness');
  await witness.subscribe(1, 'witness', 1);
  const packet = unfinishedPacket(publishType, 255_000, 254_000);
  for (let count = 1; count <= 1_000; count++) {
    const client = await connectFrom(target, attacker, `attacker ${count}`);
    client.stream.write(packet);
    if (count % 10 !== 0) continue;
    await turns(5);
    target.broker.report();
    witness.publish('witness', 'x'.repeat(200_000), { qos: 1, messageId: count });
    await witness.next('puback', ({ messageId }) => messageId === count);
    const { messageId = 0 } = await witness.next('publish');
    witness.send({ cmd: 'puback', messageId });
  }
  expect(witness.isClosed).toBe(false);
  expect(most.get('unfinished')).toBeGreaterThan(30 * mebibyte);
  expect(most.get('unfinished')).toBeLessThanOrEqual(48 * mebibyte);
});

test('clients with unreleased QoS 2 publishes hold bounded bytes together, and a client that holds little stays', async () => {
  const { metrics, most } = bufferMetrics();
  const target = await startBroker({
    metrics,
    limits: { receiveMaximum: 1, heldBytesMax: 2 * mebibyte, heldBytesTotalMax: 4 * mebibyte },
  });
  const honest = await connectFrom(target, '192.0.2.1', 'honest');
  for (let messageId = 1; messageId <= 3; messageId++) honest.publish('a', 'x', { qos: 2, messageId });
  for (let count = 0; count < 10; count++) {
    const client = await connectFrom(target, attacker, `attacker ${count}`);
    for (let messageId = 1; messageId <= 9; messageId++) {
      client.publish('a', 'x'.repeat(200_000), { qos: 2, messageId });
      await turns(5);
      target.broker.report();
    }
  }
  expect(most.get('held')).toBeGreaterThan(2 * mebibyte);
  expect(most.get('held')).toBeLessThanOrEqual(4 * mebibyte);
  expect(target.broker.counters().limits.held_bytes).toBeGreaterThan(2);
  for (let messageId = 1; messageId <= 3; messageId++) {
    honest.send({ cmd: 'pubrel', messageId });
    await honest.next('pubcomp', (packet) => packet.messageId === messageId);
  }
});

test.each([1, 2] as const)(
  'clients with large QoS %i publishes that the member has not answered are not read, lose nothing and stay connected',
  async (qos) => {
    const { metrics, most } = bufferMetrics();
    const target = await startBroker({ metrics });
    const flooding: RawClient[] = [];
    for (let count = 0; count < 20; count++)
      flooding.push(await connectFrom(target, attacker, `attacker ${count}`));
    const honest = await connectFrom(target, '192.0.2.1', 'honest');
    target.port.suspend();
    const publishes = (): number => target.port.inputKinds.filter((kind) => kind === 'publish').length;
    for (let messageId = 1; messageId <= 10; messageId++) {
      for (const client of flooding) client.publish('a', 'x'.repeat(200_000), { qos, messageId });
      await turns(5);
      target.broker.report();
    }
    // Three quarters of 8 MiB, and for each client the publish after which it is paused.
    expect(publishes() * 200_000).toBeGreaterThan(6 * mebibyte);
    expect(publishes() * 200_000).toBeLessThanOrEqual(6 * mebibyte + 21 * 200_000);
    expect(most.get('unanswered')).toBeGreaterThan(6 * mebibyte);
    const before = publishes();
    for (let messageId = 1; messageId <= 10; messageId++) honest.publish('b', 'small', { qos, messageId });
    await turns();
    expect(publishes()).toBe(before + 10);
    target.port.resume();
    const answer = qos === 1 ? 'puback' : 'pubrec';
    for (const client of [honest, ...flooding])
      await client.next(answer, ({ messageId }) => messageId === 10);
    expect(publishes()).toBe(210);
    target.broker.report();
    expect(target.broker.clientsConnected).toBe(21);
  },
);

test('an isolated member reads clients whose large QoS 2 publishes wait for the majority', async () => {
  jest.useFakeTimers({ doNotFake: [...timersExceptIntervals] });
  try {
    const target = await startBroker({ limits: { unansweredBytesTotalMax: mebibyte } });
    const client = await connect(target, 'c');
    target.port.holdsQos2 = true;
    for (let messageId = 1; messageId <= 6; messageId++)
      client.publish('a', 'x'.repeat(200_000), { qos: 2, messageId });
    client.publish('b', 'y', { qos: 1, messageId: 7 });
    await turns();
    // The member serves: the client is above its part and is not read.
    expect(client.packets.filter(({ cmd }) => cmd === 'puback')).toEqual([]);
    target.port.state = 'isolated';
    jest.advanceTimersByTime(1_000);
    await client.next('puback', ({ messageId }) => messageId === 7);
    for (let messageId = 8; messageId <= 12; messageId++)
      client.publish('a', 'x'.repeat(200_000), { qos: 2, messageId });
    client.send({ cmd: 'pingreq' });
    await client.next('pingresp');
  } finally {
    jest.useRealTimers();
  }
});

test('a client with large publishes is read again when the member has answered its own, also while others flood', async () => {
  const target = await startBroker({ limits: { unansweredBytesTotalMax: mebibyte } });
  const [first, second] = [await connect(target, 'first'), await connect(target, 'second')];
  target.port.suspend();
  for (let messageId = 1; messageId <= 5; messageId++)
    first.publish('a', 'x'.repeat(200_000), { qos: 1, messageId });
  await turns();
  for (let messageId = 1; messageId <= 3; messageId++)
    second.publish('a', 'x'.repeat(200_000), { qos: 1, messageId });
  second.publish('b', 'y', { qos: 1, messageId: 4 });
  await turns();
  const publishes = target.port.inputKinds.filter((kind) => kind === 'publish').length;
  target.port.resume();
  await second.next('puback', ({ messageId }) => messageId === 4);
  await first.next('puback', ({ messageId }) => messageId === 5);
  // The last publish of the second client has waited: its three large ones are above its part.
  expect(publishes).toBe(8);
});

test('subscribers that do not read hold bounded bytes together, and the others receive all messages', async () => {
  const { metrics, most } = bufferMetrics();
  const target = await startBroker({ metrics, limits: { outgoingBytesTotalMax: 2 * mebibyte } });
  const reader = await connectFrom(target, '192.0.2.1', 'reader');
  await reader.subscribe(1, 'a', 0);
  for (let count = 0; count < 10; count++) {
    const client = await connectFrom(target, attacker, `slow ${count}`);
    await client.subscribe(1, 'a', 0);
    client.stream.pause();
  }
  const publisher = await connect(target, 'p');
  for (let count = 1; count <= 100; count++) {
    publisher.publish('a', 'x'.repeat(40_000), { qos: 1, messageId: count });
    await publisher.next('puback');
    target.broker.report();
  }
  await turnsUntil(() => reader.publishes.length === 100);
  expect(most.get('outgoing')).toBeGreaterThan(mebibyte);
  // One message more than the bound for each slow client.
  expect(most.get('outgoing')).toBeLessThanOrEqual(2 * mebibyte + 10 * 41_000);
});

test('an address with its maximum number of connections is refused, other addresses are not', async () => {
  const target = await startBroker({ limits: { connectionsPerAddressMax: 3 } });
  for (let count = 0; count < 3; count++) await connectFrom(target, attacker, `c${count}`);
  await openFrom(target, attacker).closed;
  await connectFrom(target, '192.0.2.1', 'other');
  expect(target.broker.counters().refusals.address_limit).toBe(1);
});

test('connections never use the open files that are reserved for peers and HTTP', async () => {
  const target = await startBroker({ limits: { socketsMax: 10 } });
  const idle: RawClient[] = [];
  for (let count = 0; count < 10; count++) idle.push(await connectFrom(target, attacker, `c${count}`));
  await openFrom(target, attacker).closed;
  await connectFrom(target, '192.0.2.1', 'newcomer');
  expect(target.broker.clientsConnected).toBe(10);
  expect(target.broker.counters().limits.sockets).toBe(2);
});

test('the broker limits the bytes per second of a publisher without losing publishes, and names the client', async () => {
  const { logger, warnings } = recordingLogger();
  const target = await startBroker({ logger, limits: { publishBytesPerSecondMax: 100_000 } });
  const publisher = await connectFrom(target, '192.0.2.1', 'p');
  for (let messageId = 1; messageId <= 12; messageId++) {
    publisher.publish('a', 'x'.repeat(9_999), { qos: 1, messageId });
  }
  await publisher.next('puback', ({ messageId }) => messageId === 12);
  expect(target.broker.counters().limits.publish_byte_rate).toBeGreaterThan(0);
  expect(warnings).toMatchObject([
    { fields: { client: 'p', address: '192.0.2.1', limit: 'publish_byte_rate' } },
  ]);
});

test('two devices with one client id are named in one line with both addresses, and slowed', async () => {
  const { logger, warnings } = recordingLogger();
  const target = await startBroker({ logger });
  for (let count = 0; count < 8; count++) {
    const device = await connectFrom(target, count % 2 === 0 ? '192.0.2.1' : '192.0.2.2', 'same');
    expect(device.packets[0]).toMatchObject({ returnCode: 0 });
  }
  expect(target.broker.counters().limits.flapping).toBe(2);
  expect(warnings).toMatchObject([{ fields: { client: 'same', limit: 'flapping' } }]);
  expect((warnings[0]?.fields['addresses'] as string[]).toSorted()).toEqual(['192.0.2.1', '192.0.2.2']);
  // Another client is not delayed.
  await connectFrom(target, '192.0.2.1', 'other');
  expect(target.broker.counters().limits.flapping).toBe(2);
});
