import type { AccessRule, AccessSubject, AccessTable, AccessUser, Identity } from '@mqtt-cluster/contracts';
import { AccessRules } from '../../src/access/access-rules.ts';

const allow = (topic: string, more: Partial<AccessRule> = {}): AccessRule => ({
  effect: 'allow',
  actions: ['publish', 'subscribe'],
  topics: [topic],
  ...more,
});
const deny = (topic: string, more: Partial<AccessRule> = {}): AccessRule => ({
  ...allow(topic, more),
  effect: 'deny',
});
const table = (rules: AccessRule[], users: AccessUser[] = []): AccessTable => ({
  version: 1,
  rules,
  users: new Map(users.map((user) => [user.name, user])),
});
const subject = (identity: Partial<Identity> = {}, more: Partial<AccessSubject> = {}): AccessSubject => ({
  identity: {
    source: 'cluster',
    user: 'ann',
    groups: [],
    client: 'c1',
    address: '192.0.2.1',
    listener: 'default',
    ...identity,
  },
  ...more,
});

let current: AccessTable;
let valid: boolean;
let internal: AccessSubject | null;

beforeEach(() => {
  current = table([]);
  valid = true;
  internal = null;
});

function rules(aclRules?: AccessRule[]): AccessRules {
  return new AccessRules({
    table: () => current,
    isCurrent: () => valid,
    isInternal: (client) => client === internal,
    ...(aclRules && { aclRules }),
  });
}

describe('the access rules of a member', () => {
  it('permit everything while there is no rule', () => {
    const access = rules();
    expect(access.mayPublish(subject(), 'a', 2, true)).toBe(true);
    expect(access.mayReceive(subject(), 'a')).toBe(true);
    expect(access.grantedQos(subject(), '#', 2)).toBe(2);
    expect(access.grantsWill(subject(), 'a', 0, false)).toBe(false);
  });

  it.each([
    ['of the cluster', [allow('other')], [], {}],
    ['of the ACL file', [], [allow('other')], {}],
    ['of the token', [], [], { rules: [allow('other')] }],
  ])('deny what no rule matches once there is a rule %s', (_name, cluster, acl, more) => {
    current = table(cluster);
    const access = rules(acl);
    const client = subject({}, more);
    expect(access.mayPublish(client, 'a', 0, false)).toBe(false);
    expect(access.mayReceive(client, 'a')).toBe(false);
    expect(access.grantedQos(client, 'a', 0)).toBeNull();
    expect(access.mayPublish(client, 'other', 0, false)).toBe(true);
  });

  it.each([
    ['an ACL file', [], {}],
    ['a token with a list', undefined, { rules: [] }],
  ])('deny everything with %s that contains no rule', (_name, acl, more) => {
    const access = rules(acl);
    const client = subject({}, more);
    expect(access.mayPublish(client, 'a', 0, false)).toBe(false);
    expect(access.mayReceive(client, 'a')).toBe(false);
    expect(access.grantedQos(client, '#', 0)).toBeNull();
    expect(access.grantsWill(client, 'a', 0, false)).toBe(false);
  });

  it('deny everything when a changed ACL file contains no rule any more', () => {
    const access = rules([allow('a')]);
    expect(access.mayPublish(subject(), 'a', 0, false)).toBe(true);
    access.setAclRules([]);
    expect(access.mayPublish(subject(), 'a', 0, false)).toBe(false);
    expect(access.mayReceive(subject(), 'b')).toBe(false);
  });

  it('of another client’s token do not apply', () => {
    const access = rules();
    expect(access.mayPublish(subject({}, { rules: [allow('x')] }), 'a', 0, false)).toBe(false);
    expect(access.mayPublish(subject(), 'a', 0, false)).toBe(true);
  });

  it('decide in the order token, cluster, ACL file', () => {
    current = table([deny('log/#'), allow('both'), allow('token/#')]);
    const access = rules([allow('log/#'), deny('both'), allow('file')]);
    const client = subject({}, { rules: [deny('token/secret'), allow('log/mine')] });
    const may = (topic: string): boolean => access.mayPublish(client, topic, 0, false);
    expect(['log/mine', 'log/x', 'both', 'token/secret', 'token/x', 'file', 'z'].map(may)).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  it('apply a change of the table and of the file at once, with a new version', () => {
    const access = rules([allow('a')]);
    const client = subject();
    expect(access.mayReceive(client, 'a')).toBe(true);
    const versions = [access.version];
    current = table([deny('a')]);
    expect(access.mayReceive(client, 'a')).toBe(false);
    versions.push(access.version);
    current = table([]);
    access.setAclRules([allow('b')]);
    expect([access.mayReceive(client, 'a'), access.mayReceive(client, 'b')]).toEqual([false, true]);
    versions.push(access.version);
    access.onUsersChanged();
    versions.push(access.version);
    expect(new Set(versions).size).toBe(4);
  });

  it('use the groups of a user of the cluster from the table', () => {
    const ann: AccessUser = { name: 'ann', passwordHash: '', groups: ['writers'] };
    current = table([allow('a', { groups: ['writers'] })], [ann]);
    const access = rules();
    const client = subject({ groups: ['claimed'] });
    expect(access.mayPublish(client, 'a', 0, false)).toBe(true);
    current = table(current.rules.slice(), [{ ...ann, groups: [] }]);
    expect(access.mayPublish(client, 'a', 0, false)).toBe(false);
  });

  it('grant a will that a token or the ACL file permits, and no other will', () => {
    current = table([allow('log')]);
    const access = rules([allow('file'), allow('denied')]);
    const client = subject({}, { rules: [allow('token'), deny('denied')] });
    const grants = (topic: string): boolean => access.grantsWill(client, topic, 1, false);
    expect(['token', 'file', 'log', 'denied', 'z'].map(grants)).toEqual([true, true, false, false, false]);
  });

  it('withdraw the rights of an invalid user, and not those of an expired token', () => {
    const access = rules();
    expect(access.isValid(subject())).toBe(true);
    expect(access.isValid(subject({}, { expiresAtMs: Date.now() - 1 }))).toBe(true);
    valid = false;
    expect(access.isValid(subject())).toBe(false);
  });

  it('let a client with a role read the answers to admin commands, and nothing else', () => {
    current = table([allow('other')]);
    const access = rules();
    const operator = subject({}, { role: 'viewer' });
    expect(access.grantedQos(operator, '$SYS/cluster/admin/m1', 1)).toBe(1);
    expect(access.grantedQos(operator, '$SYS/cluster/admin/+', 1)).toBe(1);
    expect(access.grantedQos(operator, '$SYS/cluster/admin/#', 1)).toBeNull();
    expect(access.mayReceive(operator, '$SYS/cluster/admin/m1')).toBe(true);
    expect(access.mayReceive(operator, '$SYS/cluster/members')).toBe(false);
    expect(access.mayReceive(subject(), '$SYS/cluster/admin/m1')).toBe(false);
  });

  it('do not apply to a client with the admin token', () => {
    current = table([deny('#')]);
    internal = subject();
    const access = rules();
    expect(access.mayPublish(internal, 'a', 0, false)).toBe(true);
    expect(access.grantedQos(internal, '#', 1)).toBe(1);
    expect(access.mayPublish(subject(), 'a', 0, false)).toBe(false);
  });
});
