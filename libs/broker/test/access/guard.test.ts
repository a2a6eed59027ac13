import type { Logger } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { turnsUntil, until } from '@mqtt-cluster/testing';
import { authenticatorOf, decisions } from '../support/access.ts';
import { connect, connectPacket, open, startBroker } from '../support/driver.ts';
import type { BrokerTarget } from '../support/driver.ts';
import { allow, deny, RuledAccess } from '../support/ruled-access.ts';

const five = { protocolVersion: 5 as const };
const ann = { ...five, username: 'ann' };
const authenticator = authenticatorOf(() => true);

describe('the guard', () => {
  test('rejects a publish that no rule permits with 0x87 and keeps the connection of an MQTT 5 client', async () => {
    const target = await startBroker({ authenticator, access: new RuledAccess(allow('open')) });
    const client = await connect(target, 'c', ann);
    client.publish('secret', 'x', { qos: 1, messageId: 1 });
    await expect(client.next('puback')).resolves.toMatchObject({ messageId: 1, reasonCode: 0x87 });
    client.publish('secret', 'x', { qos: 2, messageId: 2 });
    await expect(client.next('pubrec')).resolves.toMatchObject({ messageId: 2, reasonCode: 0x87 });
    client.publish('secret', 'x');
    await client.settle();
    expect(target.broker.counters().publishRefusals.not_authorized).toBe(3);
    expect(target.port.inputKinds).not.toContain('publish');
  });

  test.each([0, 1, 2] as const)(
    'closes the connection of an MQTT 3.1.1 client whose QoS %d publish no rule permits [3.1.1 MQTT-3.3.5-2]',
    async (qos) => {
      const target = await startBroker({ authenticator, access: new RuledAccess(allow('open')) });
      const client = await connect(target, 'c', { username: 'ann' });
      client.publish('secret', 'x', qos === 0 ? {} : { qos, messageId: 1 });
      await client.closed;
      expect(client.packets.map(({ cmd }) => cmd)).toEqual(['connack']);
      expect(target.port.inputKinds).not.toContain('publish');
    },
  );

  test('applies the bounds of QoS and RETAIN of a rule', async () => {
    const access = new RuledAccess(allow('a', { qosMax: 1, retain: false }));
    const target = await startBroker({ authenticator, access });
    const client = await connect(target, 'c', ann);
    client.publish('a', 'x', { qos: 2, messageId: 1 });
    await expect(client.next('pubrec')).resolves.toMatchObject({ reasonCode: 0x87 });
    client.publish('a', 'x', { qos: 1, messageId: 2, retain: true });
    await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x87 });
    client.publish('a', 'x', { qos: 1, messageId: 3 });
    await expect(client.next('puback')).resolves.not.toMatchObject({ reasonCode: 0x87 });
    client.send({
      cmd: 'subscribe',
      messageId: 4,
      subscriptions: [
        { topic: 'a', qos: 2 },
        { topic: 'b', qos: 2 },
      ],
    });
    await expect(client.next('suback')).resolves.toMatchObject({ granted: [1, 0x87] });
    expect(target.broker.counters().subscriptionsDenied).toBe(1);
  });

  test('answers a denied filter of an MQTT 3.1.1 client with 0x80 and grants the others [3.1.1 MQTT-3.9.3-2]', async () => {
    const target = await startBroker({ authenticator, access: new RuledAccess(allow('a')) });
    const client = await connect(target, 'c', { username: 'ann' });
    client.send({
      cmd: 'subscribe',
      messageId: 4,
      subscriptions: [
        { topic: 'b', qos: 1 },
        { topic: 'a', qos: 1 },
      ],
    });
    await expect(client.next('suback')).resolves.toMatchObject({ granted: [0x80, 1] });
  });

  test('keeps $SYS read-only, and $bridge and $cluster closed, whatever the rules permit', async () => {
    const access = new RuledAccess(allow('#'), allow('$SYS/#'), allow('$bridge/#'), allow('$cluster/#'));
    const target = await startBroker({ authenticator, access });
    const client = await connect(target, 'c', ann);
    const topics = ['$SYS/x', '$SYS/broker/connection/a/b/state', '$bridge/raft', '$cluster/x', '$cluster'];
    for (const topic of [...topics, '$cluster/admin/drain']) {
      client.publish(topic, 'x', { qos: 1, messageId: 1 });
      expect([topic, (await client.next('puback')).reasonCode]).toEqual([topic, 0x87]);
    }
    const filters = ['$bridge/#', '$bridge', '$cluster/admin/#', '$cluster/+', '$share/g/$cluster/#'];
    for (const topic of filters) {
      client.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic, qos: 0 }] });
      expect([topic, (await client.next('suback')).granted]).toEqual([topic, [0x87]]);
    }
  });

  test('asks the rules about the state topic of a bridge', async () => {
    const access = new RuledAccess(allow('$SYS/broker/connection/%c/state'));
    const target = await startBroker({ authenticator, access });
    const client = await connect(target, 'bridge7', ann);
    client.publish('$SYS/broker/connection/bridge7/state', '1', { qos: 1, messageId: 1 });
    await expect(client.next('puback')).resolves.not.toMatchObject({ reasonCode: 0x87 });
    client.publish('$SYS/broker/connection/bridge8/state', '1', { qos: 1, messageId: 2 });
    await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x87 });
  });

  test('completes the exchange of a message that it does not send, so that the window of the client stays open', async () => {
    const access = new RuledAccess(deny('a/secret', { users: ['ann'] }), allow('a/#'));
    const target = await startBroker({ authenticator, access });
    const client = await connect(target, 'c', { ...ann, properties: { receiveMaximum: 1 } });
    await client.subscribe(1, 'a/#', 2);
    const other = await connect(target, 'w', { ...five, username: 'bob' });
    for (const qos of [1, 2] as const)
      for (let count = 0; count < 5; count++) {
        other.publish('a/secret', 'x', { qos, messageId: 10 * qos + count });
        await other.next(qos === 1 ? 'puback' : 'pubrec');
      }
    other.publish('a/open', 'x', { qos: 1, messageId: 1 });
    await expect(client.next('publish')).resolves.toMatchObject({ topic: 'a/open' });
    expect(client.publishes).toHaveLength(1);
    expect(target.broker.counters().deliveriesDenied).toBe(10);
  });

  test('acknowledges a repeated QoS 2 publish that the rules permitted at first', async () => {
    const access = new RuledAccess(allow('a'));
    const target = await startBroker({ authenticator, access });
    const client = await connect(target, 'c', ann);
    client.publish('a', 'x', { qos: 2, messageId: 1 });
    await client.next('pubrec');
    access.set(allow('b'));
    client.publish('a', 'x', { qos: 2, messageId: 1, dup: true });
    await expect(client.next('pubrec')).resolves.not.toMatchObject({ reasonCode: 0x87 });
    client.publish('a', 'x', { qos: 2, messageId: 2, dup: true });
    await expect(client.next('pubrec')).resolves.toMatchObject({ messageId: 2, reasonCode: 0x87 });
  });

  test('passes the identity of the client and the grant of its will to the member', async () => {
    const access = decisions({ grantsWill: (_subject, topic) => topic === 'granted' });
    const expiresAtMs = Date.now() + 3_600_000;
    const target = await startBroker({
      access,
      authenticator: authenticatorOf(() => true, { groups: ['g'], expiresAtMs }),
    });
    const will = { payload: Buffer.from('x'), qos: 0 as const, retain: false };
    await connect(target, 'c', { ...ann, will: { ...will, topic: 'granted' } });
    await connect(target, 'd', { ...ann, will: { ...will, topic: 'other' } });
    const common = {
      source: 'passwordFile',
      user: 'ann',
      groups: ['g'],
      address: '127.0.0.1',
      listener: 'default',
      expiresAt: Math.floor(expiresAtMs / 1_000),
    };
    expect(target.port.requests.map((request) => request.access)).toEqual([
      { ...common, willGranted: true },
      common,
    ]);
  });

  test.each([
    ['credentials', 0x86, 4],
    ['busy', 0x89, 3],
    ['unavailable', 0x88, 3],
  ] as const)(
    'answers a failed authentication (%s) with %d, in MQTT 3.1.1 with %d',
    async (reason, code, old) => {
      const target = await startBroker({
        authenticator: { authenticate: async () => ({ accepted: false, reason }) },
      });
      const client = open(target, 5);
      client.send(connectPacket('c', ann));
      await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: code });
      const oldClient = open(target);
      oldClient.send(connectPacket('c', { username: 'ann' }));
      await expect(oldClient.next('connack')).resolves.toMatchObject({ returnCode: old });
      expect(target.port.requests).toEqual([]);
    },
  );
});

describe('a change of the rules', () => {
  let access: RuledAccess;
  let target: BrokerTarget;
  beforeEach(async () => {
    access = new RuledAccess(allow('#'));
    target = await startBroker({ authenticator, access });
  });

  test('closes the connection of a user that may no longer connect, and keeps the others', async () => {
    const client = await connect(target, 'c', ann);
    const old = await connect(target, 'd', { username: 'ann' });
    const other = await connect(target, 'w', { ...five, username: 'bob' });
    access.remove('ann');
    await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x87 });
    await old.closed;
    await other.settle();
    expect(target.broker.counters().disconnects.not_authorized).toBe(2);
    expect(target.port.disconnects.map(({ graceful }) => graceful)).toEqual([true, true]);
  });

  test('keeps a client that has unsubscribed from a filter, or was not granted one', async () => {
    const client = await connect(target, 'c', ann);
    await client.subscribe(1, 'a', 1);
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] });
    await client.next('unsuback');
    const loser = await connect(target, 'd', ann);
    await loser.subscribe(1, 'a', 1);
    access.set(deny('a'), allow('#'));
    await expect(loser.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x87 });
    await client.settle();
    expect(target.port.disconnects.map(({ graceful }) => graceful)).toEqual([false]);
  });

  test('keeps a client of whose filter it denies a part', async () => {
    const client = await connect(target, 'c', ann);
    await client.subscribe(1, 'a/#', 1);
    const loser = await connect(target, 'd', ann);
    await loser.subscribe(1, 'a/secret', 1);
    access.set(deny('a/secret'), allow('#'));
    await expect(loser.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x87 });
    await client.settle();
  });

  test('closes a client whose subscription is granted a lower QoS', async () => {
    const client = await connect(target, 'c', ann);
    await client.subscribe(1, 'a', 2);
    access.set(allow('#', { qosMax: 1 }));
    await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x87 });
  });

  test('rejects a client that was authenticated before it and is connected after it', async () => {
    target.port.suspend();
    const client = open(target, 5);
    client.send(connectPacket('c', ann));
    await turnsUntil(() => target.port.inputKinds.includes('connect'));
    access.remove('ann');
    target.port.resume();
    await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x87 });
    await client.closed;
  });
});

test.each<[string, (access: RuledAccess) => void, boolean]>([
  ['its will is published', () => undefined, false],
  [
    'its will is published also if other rules change then',
    (access) => access.set(allow('a'), allow('w')),
    false,
  ],
  ['its will is discarded if the user may no longer connect', (access) => access.remove('ann'), true],
  ['its will is discarded if the rules deny it', (access) => access.set(allow('a')), true],
])('a client whose token expires is disconnected with 0x87: %s', async (_what, change, graceful) => {
  const access = new RuledAccess(allow('#'));
  const expiresAtMs = Date.now() + 200;
  let sweep = (): void => undefined;
  const target = await startBroker({
    authenticator: authenticatorOf(() => true, { expiresAtMs }),
    access,
    everySecond: (callback) => {
      sweep = callback;
      return () => undefined;
    },
  });
  const will = { topic: 'w', payload: Buffer.from('x'), qos: 0, retain: false } as const;
  const client = await connect(target, 'c', { ...ann, will });
  await until(() => Date.now() > expiresAtMs);
  change(access);
  sweep();
  await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x87 });
  expect(target.broker.counters().disconnects.not_authorized).toBe(1);
  expect(target.port.disconnects.map((end) => end.graceful)).toEqual([graceful]);
});

test('refused publishes of a client lead to one log line', async () => {
  const lines: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (...line) => lines.push(line) };
  const target = await startBroker({ logger, authenticator, access: new RuledAccess(allow('open')) });
  const client = await connect(target, 'c', ann);
  for (let count = 0; count < 200; count++) client.publish('secret', 'x');
  await client.settle();
  expect(lines).toEqual([
    [
      {
        client: 'c',
        user: 'ann',
        address: '127.0.0.1',
        listener: 'default',
        topic: 'secret',
        qos: 0,
        retain: false,
      },
      'Publish of a client rejected: no rule permits it',
    ],
  ]);
});

test('the log line about a refused login contains neither the user name nor the password', async () => {
  const lines: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (...line) => lines.push(line) };
  const target = await startBroker({ logger, authenticator: authenticatorOf(() => false) });
  const client = open(target, 5);
  const typed = { username: 'secret-as-name', password: Buffer.from('secret-as-password') };
  client.send(connectPacket('c', { ...five, ...typed }));
  await expect(client.next('connack')).resolves.toMatchObject({ reasonCode: 0x86 });
  await client.closed;
  expect(JSON.stringify(lines)).toContain('credentials are not accepted');
  expect(JSON.stringify(lines)).not.toContain('secret-as');
});
