import type { AccessRule } from '@mqtt-cluster/contracts';
import { until } from '@mqtt-cluster/testing';
import type { IConnectPacket } from 'mqtt-packet';
import { authenticatorOf } from '../support/access.ts';
import { connect, connectPacket, open, startBroker, startBrokerWithMember } from '../support/driver.ts';
import type { RawClient, Target } from '../support/driver.ts';
import { allow, deny, RuledAccess } from '../support/ruled-access.ts';

/** Faults that were published for other brokers: a right that the rules deny is reached in another way. */

const five = { protocolVersion: 5 as const };
const witness: AccessRule = allow('#', { users: ['witness'] });

let access: RuledAccess;
let target: Target;

async function start(...rules: AccessRule[]): Promise<void> {
  access = new RuledAccess(witness, ...rules);
  target = await startBrokerWithMember({ access, authenticator: authenticatorOf(() => true) });
}

const as = (user: string, more: Partial<IConnectPacket> = {}): Partial<IConnectPacket> => ({
  ...five,
  username: user,
  ...more,
});

/** Replaces the rules. The rules of the witness stay. */
const setRules = (...rules: AccessRule[]): void => access.set(witness, ...rules);

async function subscribe(client: RawClient, filter: string, qos: 0 | 1 | 2 = 1): Promise<number> {
  client.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: filter, qos }] });
  const { granted } = await client.next('suback');
  return granted[0] as number;
}

async function publish(client: RawClient, topic: string, qos: 1 | 2 = 1, retain = false): Promise<number> {
  client.publish(topic, topic, { qos, messageId: 5, retain });
  if (qos === 1) return (await client.next('puback')).reasonCode ?? 0;
  const { reasonCode = 0 } = await client.next('pubrec');
  return reasonCode;
}

async function topicsOf(client: RawClient): Promise<string[]> {
  await client.settle();
  for (const { messageId, qos } of client.publishes) {
    if (qos === 1) client.send({ cmd: 'puback', messageId: messageId! });
  }
  return client.publishes.map(({ topic }) => topic);
}

describe('rules are not bypassed', () => {
  test('by a shared subscription', async () => {
    await start(allow('open/#'), deny('secret/#'));
    const client = await connect(target, 'c', as('ann'));
    for (const filter of ['secret/#', '#', 'secret/a', '$SYS/#'])
      expect([filter, await subscribe(client, `$share/group/${filter}`)]).toEqual([filter, 0x87]);
    expect(await subscribe(client, '$share/group/open/+')).toBe(1);
  });

  test('by a shared subscription of which a rule denies a part', async () => {
    await start(deny('a/secret', { users: ['ann'] }), allow('a/#', { users: ['ann'] }));
    const client = await connect(target, 'c', as('ann'));
    expect(await subscribe(client, '$share/group/a/#')).toBe(1);
    const other = await connect(target, 'w', as('witness'));
    await publish(other, 'a/secret');
    await publish(other, 'a/open');
    await client.next('publish');
    expect(await topicsOf(client)).toEqual(['a/open']);
  });

  test.each([4, 5] as const)('by a will topic (protocol level %d)', async (protocolVersion) => {
    await start(allow('open/#'), deny('locks/#'));
    const other = await connect(target, 'w', as('witness'));
    await other.subscribe(1, '#', 1);
    const will = { topic: 'locks/door', payload: Buffer.from('open'), qos: 1 as const, retain: true };
    const client = open(target, protocolVersion);
    client.send(connectPacket('c', { ...as('ann'), protocolVersion, will }));
    const connack = await client.next('connack');
    expect(connack).toMatchObject(protocolVersion === 5 ? { reasonCode: 0x87 } : { returnCode: 5 });
    await client.closed;
    expect((await topicsOf(other)).filter((topic) => !topic.startsWith('$'))).toEqual([]);
  });

  test('by a will whose right is lost during the connection: the will is discarded', async () => {
    await start(allow('open/#'));
    const other = await connect(target, 'w', as('witness'));
    await other.subscribe(1, 'open/#', 1);
    const will = { topic: 'open/gone', payload: Buffer.from('x'), qos: 1 as const, retain: false };
    const client = await connect(target, 'c', as('ann', { will }));
    setRules(allow('elsewhere'));
    await expect(client.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x87 });
    await client.closed;
    await publish(other, 'open/last');
    await other.next('publish');
    expect(await topicsOf(other)).toEqual(['open/last']);
  });

  test('by the delivery of retained messages', async () => {
    await start(deny('a/secret', { users: ['ann'] }), allow('a/#', { users: ['ann'] }));
    const other = await connect(target, 'w', as('witness'));
    for (const topic of ['a/open', 'a/secret', 'a/then']) await publish(other, topic, 1, true);
    for (const [id, qos] of [
      ['c0', 0],
      ['c1', 1],
    ] as const) {
      const client = await connect(target, id, as('ann'));
      expect(await subscribe(client, 'a/#', qos)).toBe(qos);
      await client.next('publish');
      await client.next('publish');
      expect(await topicsOf(client)).toEqual(['a/open', 'a/then']);
    }
  });

  test('by a topic alias that a denied publish has set', async () => {
    await start(allow('open/#'));
    const other = await connect(target, 'w', as('witness'));
    await other.subscribe(1, 'secret/#', 1);
    const client = await connect(target, 'c', as('ann'));
    const aliased = { qos: 1 as const, properties: { topicAlias: 1 } };
    client.publish('open/a', 'x', { ...aliased, messageId: 1 });
    await expect(client.next('puback')).resolves.not.toMatchObject({ reasonCode: 0x87 });
    client.publish('secret/a', 'x', { ...aliased, messageId: 2 });
    await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x87 });
    client.publish('', 'x', { ...aliased, messageId: 3 });
    await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x87 });
    client.publish('', 'x', { qos: 0, properties: { topicAlias: 1 } });
    expect(await topicsOf(client)).toEqual([]);
    expect(await topicsOf(other)).toEqual([]);
  });

  test('by the packet identifier of a QoS 2 publish that was permitted and released', async () => {
    await start(allow('open/#'));
    const other = await connect(target, 'w', as('witness'));
    await other.subscribe(1, '#', 1);
    const client = await connect(target, 'c', as('ann'));
    // The packets arrive at once, so PUBCOMP is not sent yet when the last one arrives.
    client.publish('open/a', 'x', { qos: 2, messageId: 1 });
    client.send({ cmd: 'pubrel', messageId: 1 });
    client.publish('locks/door', 'open', { qos: 2, messageId: 1 });
    await client.next('pubcomp');
    await publish(other, 'open/last');
    await until(async () => (await topicsOf(other)).includes('open/last'));
    expect(await topicsOf(other)).toEqual(['open/a', 'open/last']);
  });

  test('by the packet identifier of a QoS 2 publish that the member has not answered yet', async () => {
    await start(allow('open/#'));
    const other = await connect(target, 'w', as('witness'));
    await other.subscribe(1, '#', 1);
    const client = await connect(target, 'c', as('ann'));
    client.publish('open/a', 'x', { qos: 2, messageId: 1 });
    client.publish('locks/door', 'open', { qos: 2, messageId: 1, dup: true });
    client.send({ cmd: 'pubrel', messageId: 1 });
    await client.next('pubcomp');
    client.publish('open/b', 'x', { qos: 2, messageId: 1 });
    await until(async () => (await topicsOf(other)).includes('open/b'));
    expect(await topicsOf(other)).toEqual(['open/a', 'open/b']);
  });

  test('by an alias whose topic was permitted when it was set', async () => {
    await start(allow('a'));
    const client = await connect(target, 'c', as('ann'));
    client.publish('a', 'x', { qos: 1, messageId: 1, properties: { topicAlias: 1 } });
    await client.next('puback');
    setRules(allow('b'));
    client.publish('', 'x', { qos: 1, messageId: 2, properties: { topicAlias: 1 } });
    await expect(client.next('puback')).resolves.toMatchObject({ reasonCode: 0x87 });
  });

  test.each(['+', '#', 'bob/x', 'bob/+', '+/x', '/', '$SYS'])(
    'by a user name or a client identifier %j in place of %%u and %%c',
    async (name) => {
      await start(allow('users/%u/#'), allow('%u/#'), allow('clients/%c/#'));
      const client = await connect(target, name, as(name));
      const filters = ['users/+/#', 'users/#', 'users/bob/x', 'clients/+/x', '#', '+/#', '$SYS/#', 'bob/x/y'];
      for (const filter of filters) expect([filter, await subscribe(client, filter)]).toEqual([filter, 0x87]);
      for (const topic of ['users/bob/x', 'clients/bob/x', 'bob/x/y', 'bob/x'])
        expect([topic, await publish(client, topic)]).toEqual([topic, 0x87]);
    },
  );

  test('by overlapping filters', async () => {
    await start(deny('a/secret', { users: ['ann'] }), allow('a/#', { users: ['ann'] }));
    const client = await connect(target, 'c', as('ann'));
    for (const filter of ['a/#', 'a/+', 'a/+/#']) await subscribe(client, filter);
    expect(await subscribe(client, 'a/secret')).toBe(0x87);
    expect(await subscribe(client, '+/secret')).toBe(0x87);
    const other = await connect(target, 'w', as('witness'));
    await publish(other, 'a/secret');
    await publish(other, 'a/open');
    await client.next('publish');
    expect(new Set(await topicsOf(client))).toEqual(new Set(['a/open']));
  });

  test('by a client that connects as another user with the session of a client', async () => {
    access = new RuledAccess(witness, allow('ann/#', { users: ['ann'] }), allow('bob/#', { users: ['bob'] }));
    // The simple member knows no owners of sessions, so the delivery alone protects the messages.
    target = await startBroker({ access, authenticator: authenticatorOf(() => true) });
    const properties = { sessionExpiryInterval: 600 };
    const first = await connect(target, 'c', as('ann', { clean: false, properties }));
    await subscribe(first, 'ann/#');
    const other = await connect(target, 'w', as('witness'));
    first.drop();
    await other.settle();
    await publish(other, 'ann/secret');
    const second = await connect(target, 'c', as('bob', { clean: false, properties }));
    await publish(other, 'ann/secret2');
    expect(await topicsOf(second)).toEqual([]);
  });

  test('by a subscription that was made before the rules changed, also after the session is resumed', async () => {
    await start(allow('a/#', { users: ['ann'] }), allow('b/#', { users: ['ann'] }));
    const keeps = as('ann', { clean: false, properties: { sessionExpiryInterval: 600 } });
    const first = await connect(target, 'c', keeps);
    await subscribe(first, 'a/#');
    await subscribe(first, 'b/#');
    const other = await connect(target, 'w', as('witness'));
    setRules(allow('b/#', { users: ['ann'] }));
    await publish(other, 'a/1');
    await expect(first.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x87 });
    await first.closed;
    for (const topic of ['a/2', 'b/1', 'a/3']) await publish(other, topic);
    const second = await connect(target, 'c', keeps);
    await second.next('publish');
    await publish(other, 'a/4', 2);
    other.send({ cmd: 'pubrel', messageId: 5 });
    await other.next('pubcomp');
    await publish(other, 'b/2');
    await second.next('publish');
    expect(first.publishes).toEqual([]);
    expect(await topicsOf(second)).toEqual(['b/1', 'b/2']);
    // A message that was not sent counts as received.
    await second.disconnect();
    setRules(allow('#', { users: ['ann'] }));
    const third = await connect(target, 'c', keeps);
    expect(await topicsOf(third)).toEqual([]);
  });
});
