import { accessRulesMax, accessSemantics, accessUsersMax } from '@mqtt-cluster/contracts';
import type { AccessRule, AccessUser, Command, ConnectionAccess } from '@mqtt-cluster/contracts';
import { createMqttState, decodeMqttState } from '../src/index.ts';
import { openCommand, publishCommand, StateDriver, willOf } from './support/state-driver.ts';

const place = { address: '10.0.0.1', listener: 'default' };
const anonymous: ConnectionAccess = { source: 'anonymous', ...place };
const notAuthorized = { kind: 'refused', reason: 'notAuthorized' } as const;

function userOf(name: string, changes: Partial<AccessUser> = {}): AccessUser {
  return { name, passwordHash: '$scrypt$hash', groups: [], ...changes };
}

function clusterUser(user: string): ConnectionAccess {
  return { source: 'cluster', user, ...place };
}

function tokenUser(user: string): ConnectionAccess {
  return { source: 'jwt', user, ...place };
}

/** A state with the users ada and bob. */
function driverWithUsers(): StateDriver {
  const driver = new StateDriver().start('a').raiseSemantics(accessSemantics);
  driver.propose('a', { kind: 'access', users: [userOf('ada'), userOf('bob')] });
  return driver;
}

describe('users and rules', () => {
  const rule: AccessRule = { effect: 'allow', actions: ['publish'], topics: ['a/%u'] };

  test('change as a whole, and each change raises the version', () => {
    const driver = driverWithUsers();
    const before = driver.state.access;
    const changed = driver.applyOne('b', {
      kind: 'access',
      users: [userOf('eve', { groups: ['g'] }), userOf('ada', { role: 'admin' })],
      removed: ['bob', 'nobody'],
      rules: [rule],
    });
    expect(changed).toEqual({ kind: 'accessChanged', version: 2 });
    expect(driver.effectsOfKind('accessChanged')).toEqual([{ kind: 'accessChanged', version: 2 }]);
    expect([...driver.state.access.users.values()]).toEqual([
      userOf('ada', { role: 'admin' }),
      userOf('eve', { groups: ['g'] }),
    ]);
    expect(driver.state.access.rules).toEqual([rule]);
    expect(before).toMatchObject({ version: 1, rules: [] });
    expect([...before.users.keys()]).toEqual(['ada', 'bob']);
  });

  test('keep the rules when a change has no rules, and delete all rules when its list is empty', () => {
    const driver = driverWithUsers();
    driver.propose('a', { kind: 'access', rules: [rule] });
    driver.propose('a', { kind: 'access', users: [userOf('eve')] });
    expect(driver.state.access.rules).toEqual([rule]);
    driver.propose('a', { kind: 'access', rules: [] });
    expect(driver.state.access.rules).toEqual([]);
  });

  const longGroups = Array.from({ length: 100 }, (_, number) => String(number).padStart(256, 'g'));
  test.each([
    [
      'too many users',
      { users: Array.from({ length: accessUsersMax - 1 }, (_, number) => userOf(`u${number}`)) },
      `${accessUsersMax + 1} users exceed the bound of ${accessUsersMax}`,
    ],
    [
      'users of too many bytes',
      { users: Array.from({ length: 160 }, (_, number) => userOf(`u${number}`, { groups: longGroups })) },
      expect.stringContaining('exceed the bound of 4194304 bytes'),
    ],
    [
      'too many rules',
      { rules: Array.from({ length: accessRulesMax + 1 }, () => rule) },
      `${accessRulesMax + 1} rules exceed the bound of ${accessRulesMax}`,
    ],
    [
      'rules of too many bytes',
      { rules: Array.from({ length: 10 }, () => ({ ...rule, users: longGroups })) },
      expect.stringContaining('exceed the bound of 262144 bytes'),
    ],
  ])('refuse a change with %s, and the state stays', (_, change, reason: unknown) => {
    const driver = driverWithUsers();
    const before = driver.state.access;
    const removed = ['nobody'];
    expect(driver.applyOne('a', { kind: 'access', removed, ...change })).toEqual({
      kind: 'accessRefused',
      reason,
    });
    expect(driver.state.access).toBe(before);
    expect(driver.effectsOfKind('accessChanged')).toEqual([]);
  });

  test.each<Command>([
    { kind: 'access', users: [userOf('ada')] },
    { kind: 'revoke', user: 'ada' },
  ])('do not exist below semantics version 4: the command $kind is refused', (command) => {
    const driver = new StateDriver().start('a').raiseSemantics(accessSemantics - 1);
    const plain = new StateDriver().start('a').raiseSemantics(accessSemantics - 1);
    driver.connect('a', 'c', { access: clusterUser('ada') });
    plain.connect('a', 'c');
    expect(driver.applyOne('a', command)).toMatchObject({ kind: 'accessRefused' });
    plain.propose('a', { kind: 'time' });
    expect(driver.state.access).toMatchObject({ version: 0, rules: [] });
    // The snapshot contains nothing that an older program does not know.
    expect(Buffer.compare(driver.state.encode(), plain.state.encode())).toBe(0);
    expect(driver.state.digest()).toBe(plain.state.digest());
  });

  test('are part of the digest', () => {
    const [one, other] = [driverWithUsers(), driverWithUsers()];
    expect(one.state.digest()).toBe(other.state.digest());
    one.propose('a', { kind: 'access', rules: [rule] });
    other.propose('a', { kind: 'access', rules: [{ ...rule, effect: 'deny' }] });
    expect(one.state.digest()).not.toBe(other.state.digest());
    expect(decodeMqttState(one.state.encode()).digest()).toBe(one.state.digest());
    expect(createMqttState().access).toMatchObject({ version: 0, rules: [] });
  });
});

describe('the owner of a session', () => {
  test('a stranger who connects with the client id of another user, clean, neither ends the session nor its messages', () => {
    const driver = driverWithUsers();
    driver.connect('a', 'c', { access: clusterUser('ada') }, 't');
    driver.close('a', 'c');
    for (let number = 0; number < 20; number++) driver.propose('a', publishCommand('t', `${number}`));
    for (const access of [clusterUser('bob'), tokenUser('bob'), anonymous, undefined]) {
      const user = access === undefined ? {} : { access };
      for (const changes of [{ clean: true, expirySeconds: 0 }, {}, { adopt: true, clean: true }])
        expect(driver.applyOne('b', openCommand('c', { ...changes, ...user }))).toEqual(notAuthorized);
    }
    expect(driver.queued('c')).toHaveLength(20);
    expect(driver.applyOne('b', openCommand('c', { access: clusterUser('ada') }))).toMatchObject({
      kind: 'opened',
      sessionPresent: true,
    });
  });

  test('does not lose a connection to a stranger', () => {
    const driver = driverWithUsers();
    const epoch = driver.connect('a', 'c', { access: clusterUser('ada'), will: willOf() });
    expect(driver.applyOne('b', openCommand('c', { access: clusterUser('bob') }))).toEqual(notAuthorized);
    expect(driver.effectsOfKind('connectionEnded')).toEqual([]);
    expect(driver.state.session('c')).toMatchObject({ epoch, home: { member: 'a' }, will: { topic: 'w' } });
  });

  test('is the first authenticated user that opens a session without an owner', () => {
    const driver = driverWithUsers();
    driver.connect('a', 'c', { access: anonymous });
    expect(driver.state.session('c')).toMatchObject({ owner: null, access: anonymous });
    expect(driver.applyOne('b', openCommand('c', { access: tokenUser('eve') }))).toMatchObject({
      kind: 'opened',
      sessionPresent: true,
    });
    expect(driver.state.session('c')?.owner).toBe('eve');
    expect(driver.applyOne('a', openCommand('c', { access: anonymous }))).toEqual(notAuthorized);
  });

  test('is the first authenticated user also for a session that was opened before semantics version 4', () => {
    const driver = new StateDriver().start('a').raiseSemantics(accessSemantics - 1);
    driver.connect('a', 'c', {}, 't');
    driver.close('a', 'c');
    driver.raiseSemantics(accessSemantics);
    driver.propose('a', publishCommand('t', 'kept'));
    driver.connect('a', 'c', { access: tokenUser('eve') });
    expect(driver.state.session('c')?.owner).toBe('eve');
    expect(driver.queued('c')).toEqual(['kept']);
  });

  test('stays the same after Clean Start and until the session ends', () => {
    const driver = driverWithUsers();
    driver.connect('a', 'c', { access: clusterUser('ada') });
    driver.connect('a', 'c', { access: clusterUser('ada'), clean: true, expirySeconds: 0 });
    expect(driver.applyOne('b', openCommand('c', { access: clusterUser('bob') }))).toEqual(notAuthorized);
    driver.close('a', 'c');
    driver.connect('b', 'c', { access: clusterUser('bob') });
    expect(driver.state.session('c')?.owner).toBe('bob');
  });

  test('refuses the conditional open of another user before it looks for the home', () => {
    const driver = driverWithUsers();
    driver.connect('a', 'c', { access: clusterUser('ada') });
    const adopt = { adopt: true, clean: true, expirySeconds: 0 };
    expect(driver.applyOne('b', openCommand('c', { ...adopt, access: clusterUser('bob') }))).toEqual(
      notAuthorized,
    );
    expect(driver.applyOne('b', openCommand('c', { ...adopt, access: clusterUser('ada') }))).toEqual({
      kind: 'refused',
      reason: 'elsewhere',
    });
  });
});

describe('a user of the cluster', () => {
  test('opens no session after its deletion, also when its home authenticated it before', () => {
    const driver = driverWithUsers();
    const open = openCommand('c', { access: clusterUser('ada') });
    const [, result] = driver.propose('a', { kind: 'access', removed: ['ada'] }, open);
    expect(result).toEqual(notAuthorized);
    expect(driver.state.session('c')).toBeUndefined();
  });

  test('opens no session while it is disabled', () => {
    const driver = driverWithUsers();
    driver.propose('a', { kind: 'access', users: [userOf('ada', { disabled: true })] });
    expect(driver.applyOne('a', openCommand('c', { access: clusterUser('ada') }))).toEqual(notAuthorized);
    driver.propose('a', { kind: 'access', users: [userOf('ada')] });
    driver.connect('a', 'c', { access: clusterUser('ada') });
  });

  test.each<[string, Command]>([
    ['deleted', { kind: 'access', removed: ['ada'] }],
    ['disabled', { kind: 'access', users: [userOf('ada', { disabled: true })] }],
  ])('loses its connections and its wills when it is %s; its sessions stay', (_, command) => {
    const driver = driverWithUsers();
    driver.connect('a', 'there', { access: clusterUser('ada'), will: willOf() }, 't');
    driver.connect('b', 'clean', {
      access: clusterUser('ada'),
      will: willOf(),
      clean: true,
      expirySeconds: 0,
    });
    driver.connect('a', 'away', { access: clusterUser('ada'), will: willOf({ delaySeconds: 30 }) });
    driver.close('a', 'away', false);
    driver.connect('a', 'taken', { access: clusterUser('ada'), will: willOf() });
    driver.connect('b', 'taken', { access: tokenUser('ada') });
    driver.connect('a', 'bobs', { access: clusterUser('bob'), will: willOf() });
    driver.propose('b', command);
    expect(driver.effectsOfKind('connectionEnded')).toEqual([
      expect.objectContaining({ client: 'there', home: 'a', reason: 'notAuthorized' }),
      expect.objectContaining({ client: 'clean', home: 'b', reason: 'notAuthorized' }),
    ]);
    expect(driver.effectsOfKind('takeoverSettled')).toEqual([{ kind: 'takeoverSettled', client: 'taken' }]);
    expect(driver.state.session('there')).toMatchObject({ home: null, will: null, owner: 'ada' });
    expect(driver.state.session('clean')).toBeUndefined();
    expect(driver.state.session('taken')).toMatchObject({ home: { member: 'b' }, takenOver: null });
    expect(driver.state.session('bobs')?.home).not.toBeNull();
    driver.advanceTime(60_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    driver.propose('a', publishCommand('t', 'kept'));
    expect(driver.queued('there')).toEqual(['kept']);
  });

  test('keeps its connections when its password or its groups change', () => {
    const driver = driverWithUsers();
    driver.connect('a', 'c', { access: clusterUser('ada') });
    driver.propose('a', { kind: 'access', users: [userOf('ada', { passwordHash: 'other', groups: ['g'] })] });
    expect(driver.effectsOfKind('connectionEnded')).toEqual([]);
  });

  test('is not a user of the same name in a file or a token', () => {
    const driver = driverWithUsers();
    driver.connect('a', 'c', { access: tokenUser('ada') });
    driver.propose('a', { kind: 'access', removed: ['ada'] });
    expect(driver.state.session('c')?.home).not.toBeNull();
  });
});

describe('a revocation', () => {
  const will = willOf({ delaySeconds: 30 });

  test.each<[string, Command, string[]]>([
    ['of a user', { kind: 'revoke', user: 'eve' }, ['one', 'two', 'three']],
    ['of a source', { kind: 'revoke', user: 'eve', source: 'jwt' }, ['one', 'three']],
    ['of one client', { kind: 'revoke', user: 'eve', client: 'two' }, ['two']],
    ['of another user', { kind: 'revoke', user: 'nobody' }, []],
  ])('%s ends the connections that it names and discards their wills', (_, command, expected) => {
    const driver = driverWithUsers();
    driver.connect('a', 'one', { access: tokenUser('eve'), will });
    driver.connect('b', 'two', { access: { source: 'passwordFile', user: 'eve', ...place }, will });
    driver.connect('b', 'three', { access: tokenUser('eve'), will });
    driver.connect('b', 'other', { access: tokenUser('ada'), will });
    expect(driver.applyOne('c', command)).toEqual({ kind: 'revoked', connections: expected.length });
    expect(driver.effectsOfKind('connectionEnded').map(({ client }) => client)).toEqual(expected);
    driver.propose(
      'c',
      { kind: 'lost', member: 'a', incarnation: 1 },
      { kind: 'lost', member: 'b', incarnation: 1 },
    );
    driver.advanceTime(60_000);
    const fired = driver.effectsOfKind('willFired').map(({ client }) => client);
    expect(fired.sort()).toEqual(
      ['one', 'two', 'three', 'other'].filter((c) => !expected.includes(c)).sort(),
    );
  });

  test('discards the will of an absent client whose delay runs', () => {
    const driver = driverWithUsers();
    driver.connect('a', 'c', { access: tokenUser('eve'), will });
    driver.close('a', 'c', false);
    expect(driver.applyOne('b', { kind: 'revoke', user: 'eve' })).toEqual({
      kind: 'revoked',
      connections: 0,
    });
    driver.advanceTime(60_000);
    expect(driver.effectsOfKind('willFired')).toEqual([]);
    expect(driver.state.session('c')).toMatchObject({ owner: 'eve', will: null });
  });

  test('does not affect later connections', () => {
    const driver = driverWithUsers();
    driver.propose('a', { kind: 'revoke', user: 'eve' });
    driver.connect('a', 'c', { access: tokenUser('eve') });
  });
});
