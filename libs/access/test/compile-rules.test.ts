import type { AccessRule, Identity } from '@mqtt-cluster/contracts';
import { compileRules, withUserGroups } from '../src/index.ts';

const ann: Identity = {
  source: 'cluster',
  user: 'ann',
  groups: ['sensors'],
  client: 'c1',
  address: '192.0.2.7',
  listener: 'default',
};
const allow = (topics: string[], more: Partial<AccessRule> = {}): AccessRule => ({
  effect: 'allow',
  actions: ['publish', 'subscribe'],
  topics,
  ...more,
});
const deny = (topics: string[], more: Partial<AccessRule> = {}): AccessRule => ({
  ...allow(topics, more),
  effect: 'deny',
});
const publish = (rules: readonly AccessRule[], topic: string, client: Identity = ann): string =>
  compileRules(rules).decide(client, 'publish', topic, 0, false);

describe('rules', () => {
  it('decide nothing where no rule matches', () => {
    expect(publish([], 'a')).toBe('none');
    expect(publish([allow(['b'])], 'a')).toBe('none');
    expect(compileRules([]).forIdentity(ann).grantedQos('a', 1)).toBe('none');
  });

  it('decide by the first rule that matches', () => {
    const rules = [deny(['plant/secret/#']), allow(['plant/#']), deny(['plant/x'])];
    expect(publish(rules, 'plant/secret/a')).toBe('deny');
    expect(publish(rules, 'plant/x')).toBe('allow');
  });

  it('deny a publish above the QoS bound or with RETAIN, also if a later rule permits it', () => {
    const rules = compileRules([allow(['a'], { qosMax: 1, retain: false }), allow(['#'])]);
    expect(rules.decide(ann, 'publish', 'a', 1, false)).toBe('allow');
    expect(rules.decide(ann, 'publish', 'a', 2, false)).toBe('deny');
    expect(rules.decide(ann, 'publish', 'a', 0, true)).toBe('deny');
  });

  it('lower the granted QoS of a subscription to the bound', () => {
    const client = compileRules([allow(['a/#'], { qosMax: 1 })]).forIdentity(ann);
    expect(client.grantedQos('a/+', 2)).toBe(1);
    expect(client.grantedQos('a/+', 0)).toBe(0);
  });

  it('grant a filter of which a rule denies only a part, and deny the messages of that part', () => {
    const client = compileRules([deny(['a/secret']), allow(['a/#'])]).forIdentity(ann);
    expect(client.grantedQos('a/#', 1)).toBe(1);
    expect(client.mayReceive('a/open')).toBe('allow');
    expect(client.mayReceive('a/secret')).toBe('deny');
  });

  it('do not grant a filter that reaches beyond the permitted topics', () => {
    const client = compileRules([allow(['a/+/b', '$SYS/x'])]).forIdentity(ann);
    for (const filter of ['#', 'a/#', 'a/+/+', '+/+/b', '$SYS/#', '$share/g/#', '$share/g/a/#'])
      expect([filter, client.grantedQos(filter, 0)]).toEqual([filter, 'none']);
    expect(client.grantedQos('$share/g/a/+/b', 0)).toBe(0);
  });

  it('do not match topics that begin with $ by a wildcard or a placeholder in the first level', () => {
    const system = { ...ann, user: '$SYS', client: '$bridge' };
    for (const topic of ['#', '+/#', '%u/#', '%c/#'])
      for (const name of ['$SYS/broker/uptime', '$bridge/raft'])
        expect([topic, publish([allow([topic])], name, system)]).toEqual([topic, 'none']);
    expect(
      compileRules([allow(['%u/#'])])
        .forIdentity(system)
        .grantedQos('$SYS/#', 0),
    ).toBe('none');
    expect(publish([allow(['$SYS/#'])], '$SYS/a')).toBe('allow');
  });

  it.each(['+', '#', 'bob/x', 'b/+', '#a', '/'])(
    'with %%u and %%c never match a client with the name %s',
    (name) => {
      const rules = [allow(['users/%u/#', 'users/%u']), allow(['users/%c/#'], { actions: ['subscribe'] })];
      const client = compileRules(rules).forIdentity({ ...ann, user: name, client: name });
      for (const topic of ['users/bob/x', `users/${name}`, 'users/b/x']) {
        expect([topic, client.mayPublish(topic, 0, false)]).toEqual([topic, 'none']);
        expect([topic, client.mayReceive(topic)]).toEqual([topic, 'none']);
      }
      for (const filter of [`users/${name}`, 'users/#', 'users/+', 'users/+/#', 'users/bob/x'])
        expect([filter, client.grantedQos(filter, 0)]).toEqual([filter, 'none']);
    },
  );

  it('with %u never match a client without a user', () => {
    const { source, groups, client, address, listener } = ann;
    expect(
      publish([allow(['users/%u'])], 'users/undefined', { source, groups, client, address, listener }),
    ).toBe('none');
    expect(publish([allow(['users/%u'])], 'users/', { ...ann, user: '' })).toBe('none');
  });

  it('replace a placeholder once', () => {
    const rules = [allow(['users/%u'])];
    expect(publish(rules, 'users/c1', { ...ann, user: '%c' })).toBe('none');
    expect(publish(rules, 'users/%c', { ...ann, user: '%c' })).toBe('allow');
  });

  it.each([
    ['192.0.2.0/24', '192.0.2.7', true],
    ['192.0.2.0/24', '192.0.3.7', false],
    ['0.0.0.0/0', '198.51.100.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.70', false],
    ['2001:db8::/32', '2001:db8:0:1::5', true],
    ['2001:db8::/32', '2001:db9::5', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '192.0.2.7', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::ffff:192.0.2.0/120', '192.0.2.7', true],
    ['192.0.2.0/24', '::ffff:192.0.2.7', true],
    ['192.0.2.0/24', '', false],
    ['192.0.2.0/24', '0xc0000207', false],
    ['0.0.0.0/0', 'not an address', false],
  ])('of the network %s apply to the address %s: %s', (network, address, applies) => {
    const rules = [allow(['#'], { addresses: [network] })];
    expect(publish(rules, 'a', { ...ann, address })).toBe(applies ? 'allow' : 'none');
  });

  it('apply to the user only if all conditions match', () => {
    const rule = allow(['#'], {
      users: ['ann'],
      groups: ['sensors'],
      clients: ['c1'],
      listeners: ['default'],
    });
    expect(publish([rule], 'a')).toBe('allow');
    for (const other of [{ user: 'bob' }, { groups: [] }, { client: 'c2' }, { listener: 'tls' }])
      expect([other, publish([rule], 'a', { ...ann, ...other })]).toEqual([other, 'none']);
  });

  it('of a user stand in order with the rules for all clients', () => {
    const rules = [
      deny(['a'], { users: ['bob'] }),
      deny(['b']),
      allow(['#'], { users: ['ann', 'bob'] }),
      deny(['#']),
    ];
    expect(['a', 'b', 'c'].map((topic) => publish(rules, topic))).toEqual(['allow', 'deny', 'allow']);
    const bob = { ...ann, user: 'bob' };
    expect(['a', 'b', 'c'].map((topic) => publish(rules, topic, bob))).toEqual(['deny', 'deny', 'allow']);
    const zoe = { ...ann, user: 'zoe' };
    expect(publish(rules, 'c', zoe)).toBe('deny');
  });

  it('decide right after more clients than the shared memory holds', () => {
    const users = Array.from({ length: 300 }, (_, number) => `user${number}`);
    const rules = compileRules(
      users.map((user) =>
        allow(
          Array.from({ length: 100 }, (_, number) => `${user}/${number}`),
          { users: [user] },
        ),
      ),
    );
    for (const round of [1, 2, 3]) {
      for (const user of users) {
        const client = rules.forIdentity({ ...ann, user });
        expect(client.mayPublish(`${user}/${round}`, 0, false)).toBe('allow');
        expect(client.mayPublish(`user/${round}`, 0, false)).toBe('none');
      }
    }
  });
});

describe('the groups of a user', () => {
  const users = new Map([['ann', { name: 'ann', passwordHash: '', groups: ['writers'] }]]);

  it('come from the replicated state for a user of the cluster', () => {
    expect(withUserGroups(ann, users).groups).toEqual(['writers']);
    expect(withUserGroups({ ...ann, user: 'bob' }, users).groups).toEqual([]);
  });

  it('come from the identity for all other users', () => {
    expect(withUserGroups({ ...ann, source: 'jwt' }, users).groups).toEqual(['sensors']);
  });
});
