import { accessSemantics } from '@mqtt-cluster/contracts';
import type { AccessChange, AdminOutcome, ConnectionAccess, MemberId } from '@mqtt-cluster/contracts';
import { currentSemantics, defaultLimits } from '../src/index.ts';
import type { MemberOptions } from '../src/index.ts';
import { request, TestCluster, text } from './cluster.ts';

const place = { address: '10.0.0.1', listener: 'default' };
const ada: ConnectionAccess = { source: 'cluster', user: 'ada', ...place };
const bob: ConnectionAccess = { source: 'cluster', user: 'bob', ...place };
const token: ConnectionAccess = { source: 'jwt', user: 'eve', ...place };
const users = ['ada', 'bob'].map((name) => ({ name, passwordHash: 'hash', groups: [] }));
/** A will above the default of `sessionWillBytesMax`. */
const largeWill = { topic: 'w', payload: new Uint8Array(1_100_000), qos: 1, retain: false, delaySeconds: 0 };
const will = { topic: 'w', payload: text('gone'), qos: 1 as const, retain: false, delaySeconds: 0 };

/** A cluster in which users and rules are in force, with the users ada and bob. */
function clusterWithUsers(options: Partial<MemberOptions> = {}): {
  cluster: TestCluster;
  home: MemberId;
  other: MemberId;
} {
  const cluster = new TestCluster(['a', 'b', 'c'], options);
  cluster.serve();
  cluster.until('semantics', () =>
    [...cluster.members.values()].every((member) => member.status().semantics >= accessSemantics),
  );
  const [home, other] = [...cluster.members.keys()].filter((id) => id !== cluster.leader()) as [
    string,
    string,
  ];
  expect(changed(cluster, home, { users })).toMatchObject({ accepted: true });
  cluster.run(100);
  return { cluster, home, other };
}

let requests = 0;

function outcomeOf(cluster: TestCluster, id: MemberId, number: number): AdminOutcome | undefined {
  const answer = cluster.events
    .get(id)!
    .find((event) => event.kind === 'adminAnswer' && event.request === number);
  return answer?.kind === 'adminAnswer' ? answer.outcome : undefined;
}

/** Changes users and rules at a member and waits for the answer. */
function changed(cluster: TestCluster, id: MemberId, change: AccessChange): AdminOutcome {
  const number = ++requests;
  cluster.member(id).changeAccess(number, change);
  cluster.until('the change is answered', () => outcomeOf(cluster, id, number) !== undefined);
  return outcomeOf(cluster, id, number)!;
}

/** Connects a client. @returns the kinds and reasons of the effects until the cluster has answered */
function connect(
  cluster: TestCluster,
  id: MemberId,
  connection: number,
  access: ConnectionAccess | undefined,
  changes: object = {},
): unknown[] {
  const connecting = { ...request('c', 3_600), ...(access && { access }), ...changes };
  cluster.member(id).input(connection, { kind: 'connect', request: connecting });
  cluster.run(200);
  return answers(cluster, id, connection);
}

function answers(cluster: TestCluster, id: MemberId, connection: number): unknown[] {
  return cluster
    .takeEffects(id, connection)
    .map((effect) => ('reason' in effect ? `${effect.kind} ${effect.reason}` : effect.kind));
}

describe('users and rules', () => {
  test('are in force at the answering member when it answers, so that a new user can connect there at once', () => {
    const { cluster, home } = clusterWithUsers();
    const number = ++requests;
    cluster.member(home).changeAccess(number, { users: [{ ...users[0]!, name: 'new' }] });
    cluster.until('the change is answered', () => outcomeOf(cluster, home, number) !== undefined);
    expect(outcomeOf(cluster, home, number)).toEqual({ accepted: true, reason: '' });
    expect(cluster.member(home).access().users.has('new')).toBe(true);
    expect(connect(cluster, home, 1, { ...ada, user: 'new' })).toEqual(['connack']);
  });

  test('are the same on every member, and each member reports the change', () => {
    const { cluster, home } = clusterWithUsers();
    const rules = [{ effect: 'deny' as const, actions: ['publish' as const], topics: ['#'] }];
    changed(cluster, home, { rules });
    cluster.run(200);
    for (const [id, member] of cluster.members) {
      expect(member.access()).toMatchObject({ version: 2, rules });
      expect(cluster.events.get(id)).toContainEqual({ kind: 'accessChanged', version: 2 });
    }
  });

  test('take a change that is larger than one batch', () => {
    const { cluster, home, other } = clusterWithUsers();
    const many = Array.from({ length: 4_000 }, (_, number) => ({
      name: `user-${number}`,
      passwordHash: 'h'.repeat(100),
      groups: ['plant'],
    }));
    expect(changed(cluster, home, { users: many })).toEqual({ accepted: true, reason: '' });
    expect(cluster.member(home).access().users.size).toBe(4_002);
    cluster.run(500);
    expect(cluster.member(other).access().users.size).toBe(4_002);
  });

  test('refuse a change above a bound with one sentence, and no part of it is applied', () => {
    const { cluster, home } = clusterWithUsers();
    const many = Array.from({ length: 10_001 }, (_, number) => ({ ...users[0]!, name: `user-${number}` }));
    expect(changed(cluster, home, { users: many })).toEqual({
      accepted: false,
      reason: '10003 users exceed the bound of 10000',
    });
    expect(cluster.member(home).access().users.size).toBe(2);
  });

  describe('take a change of several commands', () => {
    const manyUsers = Array.from({ length: 3_000 }, (_, number) => ({
      name: `user-${number}`,
      passwordHash: 'h'.repeat(100),
      groups: [],
    }));

    test('as a whole, although its first command is applied after the answer', () => {
      const { cluster, home } = clusterWithUsers();
      const number = ++requests;
      cluster.cut(home);
      cluster.member(home).changeAccess(number, { users: manyUsers });
      cluster.until('the change is answered', () => outcomeOf(cluster, home, number) !== undefined);
      expect(outcomeOf(cluster, home, number)).toEqual({
        accepted: false,
        reason: expect.stringMatching(
          /^the change is not yet applied, and this member continues with it until another change comes first: /,
        ),
        later: true,
      });
      cluster.heal(home);
      cluster.until('the change is applied', () => cluster.member(home).access().users.size === 3_002);
      const answers = cluster.events.get(home)!.filter((event) => event.kind === 'adminAnswer');
      expect(answers.filter(({ request: answered }) => answered === number)).toHaveLength(1);
    });

    test('only until another member has changed users meanwhile, so that the rest overwrites nothing newer', () => {
      const { cluster, home, other } = clusterWithUsers();
      const [number, queued] = [++requests, ++requests];
      const last = manyUsers.at(-1)!;
      cluster.cut(home);
      cluster.member(home).changeAccess(number, { users: manyUsers });
      cluster.member(home).changeAccess(queued, { removed: ['ada'] });
      cluster.until('both changes are answered', () => outcomeOf(cluster, home, queued) !== undefined);
      expect(outcomeOf(cluster, home, queued)).toEqual({
        accepted: false,
        reason: 'the change is not applied, because an earlier one has not ended: retry later',
        later: true,
      });
      expect(changed(cluster, other, { users: [{ ...last, passwordHash: 'newer' }] })).toMatchObject({
        accepted: true,
      });
      cluster.heal(home);
      cluster.until('the proposed command is applied', () => cluster.member(home).access().users.size > 3);
      cluster.run(5_000);
      const { users } = cluster.member(home).access();
      expect(users.get(last.name)).toMatchObject({ passwordHash: 'newer' });
      expect(users.has('ada')).toBe(true);
      expect(users.size).toBeLessThan(3_000);
    });

    test('as a whole, although a snapshot contains its first command', () => {
      const limits = { ...defaultLimits, logBytesMax: 60_000, keepEntries: 4 };
      const { cluster, home, other } = clusterWithUsers({ limits });
      cluster.member(other).input(1, { kind: 'connect', request: { ...request('publisher'), access: ada } });
      cluster.run(200);
      let hangs = true;
      cluster.onOutput(home, (output) => {
        if (hangs && output.send.some(({ message }) => message.type === 'propose')) cluster.hanging.add(home);
        return output;
      });
      const number = ++requests;
      cluster.member(home).changeAccess(number, { users: manyUsers });
      cluster.until('the first command is applied', () => cluster.member(other).access().users.size > 2);
      for (let packetId = 1; packetId <= 60; packetId++) {
        const publish = {
          topic: 't',
          payload: new Uint8Array(20_000),
          qos: 1,
          retain: false,
          packetId,
        } as const;
        cluster.member(other).input(1, { kind: 'publish', request: publish });
        cluster.run(50);
      }
      hangs = false;
      cluster.hanging.clear();
      cluster.until('the change is applied', () => cluster.member(home).access().users.size === 3_002);
      expect(cluster.events.get(home)).toContainEqual(
        expect.objectContaining({ kind: 'snapshot', action: 'installed' }),
      );
      expect(outcomeOf(cluster, home, number)).toEqual({
        accepted: false,
        reason: expect.stringMatching(/^a snapshot contains the change, so its result is unknown: /),
        later: true,
      });
    });

    test('up to a bound that another change has reached meanwhile, and say so', () => {
      const { cluster, home } = clusterWithUsers();
      const named = (prefix: string) =>
        Array.from({ length: 6_000 }, (_, number) => ({ ...manyUsers[0]!, name: `${prefix}-${number}` }));
      cluster.member(home).changeAccess(++requests, { users: named('one') });
      const outcome = changed(cluster, home, { users: named('two') });
      expect(outcome).toEqual({
        accepted: false,
        reason: expect.stringMatching(
          /^a part of the change is applied, and the rest is refused: \d+ users exceed/,
        ),
      });
      expect(cluster.member(home).access().users.size).toBeGreaterThan(6_002);
    });

    test('before a later change of the same user at the same member', () => {
      const { cluster, home } = clusterWithUsers();
      const last = manyUsers.at(-1)!;
      cluster.member(home).changeAccess(++requests, { users: manyUsers });
      expect(changed(cluster, home, { users: [{ ...last, passwordHash: 'later' }] })).toMatchObject({
        accepted: true,
      });
      cluster.run(2_000);
      expect(cluster.member(home).access().users.get(last.name)).toMatchObject({ passwordHash: 'later' });
    });
  });

  test('refuse a change while a member of the cluster runs an older program', () => {
    const semantics = { ...currentSemantics, version: accessSemantics - 1 };
    const cluster = new TestCluster(['a', 'b', 'c'], { semantics });
    cluster.serve();
    const refusal = {
      accepted: false,
      reason: expect.stringContaining('update the program on all members') as string,
    };
    expect(changed(cluster, 'a', { users })).toEqual(refusal);
    const number = ++requests;
    cluster.member('a').revoke(number, { user: 'eve' });
    cluster.run(50);
    expect(outcomeOf(cluster, 'a', number)).toEqual(refusal);
    expect(connect(cluster, 'a', 1, ada)).toEqual(['connack']);
  });

  test('refuse a change without a majority', () => {
    const { cluster, home } = clusterWithUsers();
    cluster.cut(home);
    cluster.until('isolated', () => cluster.member(home).status().state === 'isolated');
    expect(changed(cluster, home, { users })).toMatchObject({ accepted: false, later: true });
  });
});

describe('the home of a client', () => {
  test('refuses a client whose session belongs to another user, and the owner stays connected', () => {
    const { cluster, home, other } = clusterWithUsers();
    expect(connect(cluster, home, 1, ada)).toEqual(['connack']);
    for (const [connection, access] of [bob, token, undefined].entries())
      expect(connect(cluster, other, 2 + connection, access, { clean: true })).toEqual([
        'refuse notAuthorized',
      ]);
    expect(answers(cluster, home, 1)).toEqual([]);
  });

  test.each<[string, ConnectionAccess, object, string]>([
    ['of another user', bob, {}, 'refuse notAuthorized'],
    ['whose will exceeds its bound', ada, { will: largeWill }, 'refuse quotaExceeded'],
  ])(
    'continues the delivery to a client after it has refused a connection %s with the same client id',
    (_which, access, changes, refusal) => {
      const { cluster, home, other } = clusterWithUsers();
      connect(cluster, home, 1, ada);
      const subscriptions = [{ filter: 't', qos: 1 as const }];
      cluster.member(home).input(1, { kind: 'subscribe', packetId: 1, subscriptions });
      connect(cluster, other, 3, bob, { client: 'publisher' });
      answers(cluster, home, 1);
      expect(connect(cluster, home, 2, access, changes)).toEqual([refusal]);
      const publish = { topic: 't', payload: text('x'), qos: 1, retain: false, packetId: 1 } as const;
      cluster.member(other).input(3, { kind: 'publish', request: publish });
      cluster.run(500);
      expect(answers(cluster, home, 1)).toEqual(['deliver']);
      // The home has sent the message, so the next home repeats it with DUP.
      cluster.cut(home);
      cluster.run(5_000);
      cluster.member(other).input(4, { kind: 'connect', request: { ...request('c', 3_600), access: ada } });
      cluster.run(1_000);
      expect(cluster.takeEffects(other, 4)).toContainEqual(
        expect.objectContaining({ kind: 'deliver', dup: true }),
      );
    },
  );

  test.each<[string, AccessChange]>([
    ['deleted', { removed: ['ada'] }],
    ['disabled', { users: [{ ...users[0]!, disabled: true }] }],
  ])(
    'closes the connections of a user that is %s, at every member, and discards their wills',
    (_, change) => {
      const { cluster, home, other } = clusterWithUsers();
      connect(cluster, other, 1, ada, { client: 'one', will });
      connect(cluster, other, 2, bob, { client: 'two', will });
      changed(cluster, home, change);
      cluster.run(200);
      expect(answers(cluster, other, 1)).toEqual(['close notAuthorized']);
      expect(answers(cluster, other, 2)).toEqual([]);
      expect(cluster.events.get(other)!.filter(({ kind }) => kind === 'willFired')).toEqual([]);
      expect(connect(cluster, other, 3, ada)).toEqual(['refuse notAuthorized']);
    },
  );

  test('a message that follows the end of the connection in the same entry is sent only to the next connection, with DUP=0', () => {
    const { cluster, home } = clusterWithUsers();
    const member = cluster.member(home);
    connect(cluster, home, 1, token);
    member.input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    member.input(2, { kind: 'connect', request: request('publisher') });
    cluster.run(200);
    cluster.takeEffects(home, 1);
    const publish = (payload: string, packetId: number): void => {
      const message = { topic: 'x', payload: text(payload), qos: 1 as const, retain: false, packetId };
      member.input(2, { kind: 'publish', request: message });
    };
    publish('before', 1);
    member.revoke(++requests, { user: 'eve', source: 'jwt' });
    publish('after', 2);
    cluster.run(200);
    const sent = (connection: number): [string, boolean][] =>
      cluster
        .takeEffects(home, connection)
        .flatMap((effect) =>
          effect.kind === 'deliver'
            ? [[new TextDecoder().decode(effect.message.payload), effect.dup] as [string, boolean]]
            : [],
        );
    expect(sent(1)).toEqual([]);
    member.input(3, { kind: 'connect', request: { ...request('c', 3_600), access: token } });
    cluster.run(200);
    expect(sent(3)).toEqual([
      ['before', false],
      ['after', false],
    ]);
  });

  test('closes the connections of a revoked user and answers with their number', () => {
    const { cluster, home, other } = clusterWithUsers();
    connect(cluster, other, 1, token);
    const number = ++requests;
    cluster.member(home).revoke(number, { user: 'eve', source: 'jwt' });
    cluster.run(200);
    expect(outcomeOf(cluster, home, number)).toEqual({ accepted: true, reason: '1 connection closed' });
    expect(answers(cluster, other, 1)).toEqual(['close notAuthorized']);
  });

  test('refuses a client whose token names more groups than the state may hold', () => {
    const { cluster, home } = clusterWithUsers();
    const groups = Array.from({ length: 101 }, (_, number) => `g${number}`);
    expect(connect(cluster, home, 1, { ...token, groups })).toEqual(['refuse notAuthorized']);
  });
});

describe('an isolated member', () => {
  const clean = { clean: true, sessionExpirySeconds: 0 };

  function isolated(): { cluster: TestCluster; home: MemberId; other: MemberId } {
    const { cluster, home, other } = clusterWithUsers();
    cluster.cut(home);
    cluster.until('isolated', () => cluster.member(home).status().state === 'isolated');
    return { cluster, home, other };
  }

  test('serves the clean sessions of users that it knows, and no others', () => {
    const { cluster, home } = isolated();
    expect(connect(cluster, home, 1, ada, clean)).toEqual(['connack']);
    expect(connect(cluster, home, 2, { ...ada, user: 'new' }, { ...clean, client: 'd' })).toEqual([
      'refuse isolated',
    ]);
    cluster.heal(home);
    cluster.run(3_000);
    expect(answers(cluster, home, 1)).toEqual([]);
  });

  test('refuses a client whose session belongs to another user', () => {
    const { cluster, home, other } = clusterWithUsers();
    connect(cluster, other, 1, ada);
    cluster.run(200);
    cluster.cut(home);
    cluster.until('isolated', () => cluster.member(home).status().state === 'isolated');
    expect(connect(cluster, home, 2, bob, clean)).toEqual(['refuse isolated']);
  });

  test('closes the connection when the partition heals and the session belongs to another user', () => {
    const { cluster, home, other } = isolated();
    expect(connect(cluster, home, 1, ada, clean)).toEqual(['connack']);
    cluster.until('serving', () => cluster.member(other).status().state === 'serving');
    expect(connect(cluster, other, 2, bob)).toEqual(['connack']);
    cluster.heal(home);
    cluster.run(3_000);
    expect(answers(cluster, home, 1)).toEqual(['close notAuthorized']);
    expect(answers(cluster, other, 2)).toEqual([]);
  });

  test('closes the connection when the partition heals and the user was deleted meanwhile', () => {
    const { cluster, home, other } = isolated();
    expect(connect(cluster, home, 1, ada, clean)).toEqual(['connack']);
    changed(cluster, other, { removed: ['ada'] });
    cluster.heal(home);
    cluster.run(3_000);
    expect(answers(cluster, home, 1)).toEqual(['close notAuthorized']);
  });
});
