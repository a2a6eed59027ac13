import type { AdminAction, AdminOutcome, HelloMessage, MemberId } from '@mqtt-cluster/contracts';
import { helloOf } from '@mqtt-cluster/contracts/testing';
import { request, TestCluster, text } from './cluster.ts';

const never = 0xffffffff;
let cluster: TestCluster;
let lastRequest = 0;

beforeEach(() => {
  cluster = new TestCluster(['a', 'b', 'c']);
  cluster.serve();
});

/** Sends an operator's request to one member and returns the outcome. */
function ask(id: MemberId, action: AdminAction): AdminOutcome {
  const wanted = ++lastRequest;
  let outcome: AdminOutcome | null = null;
  cluster.member(id).administer(wanted, action);
  cluster.until('an answer', () => {
    for (const event of cluster.events.get(id)!)
      if (event.kind === 'adminAnswer' && event.request === wanted) outcome = event.outcome;
    return outcome !== null;
  });
  return outcome!;
}

/** Returns the hello message that an old version sends. */
function withoutOutbox({ outboxItems: _, ...hello }: HelloMessage): HelloMessage {
  return hello;
}

/** Drains the member and waits until its peers know it. */
function drain(id: MemberId): void {
  cluster.member(id).drain(1_000);
  cluster.until('drained', () => cluster.member(id).status().drained);
  cluster.run(50);
}

const followers = (): MemberId[] => [...cluster.members.keys()].filter((id) => id !== cluster.leader());
const roleOf = (at: MemberId, id: MemberId) =>
  cluster
    .member(at)
    .status()
    .config!.members.find((member) => member.id === id)?.role;
const publish = (packetId: number) => ({
  topic: 'x',
  payload: text('m'),
  qos: 1 as const,
  retain: false,
  packetId,
});

describe('a draining member', () => {
  test('rejects new clients, closes its connections at the given rate, transfers leadership and then reports that it is drained', () => {
    const id = cluster.leader();
    const member = cluster.member(id);
    for (let connection = 1; connection <= 20; connection++)
      member.input(connection, { kind: 'connect', request: request(`c${connection}`) });
    cluster.run(100);
    member.drain(10);
    cluster.run(550);
    const closed = cluster.effects.get(id)!.filter((effect) => effect.kind === 'close');
    expect(closed.map((effect) => effect.reason)).toEqual(Array.from({ length: 5 }, () => 'draining'));
    member.input(21, { kind: 'connect', request: request('late') });
    cluster.run(20);
    expect(cluster.takeEffects(id, 21)).toEqual([{ kind: 'refuse', connection: 21, reason: 'draining' }]);
    expect(member.status()).toMatchObject({ state: 'draining', drained: false });
    cluster.until('drained', () => member.status().drained);
    expect(member.status().connections).toBe(0);
    expect(cluster.leader()).not.toBe(id);
  });

  test('rejects a client whose connection is still opening when quorum is lost', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    cluster.cut(id);
    member.input(1, { kind: 'connect', request: request('late') });
    member.drain(100);
    cluster.run(4_000);
    expect(cluster.takeEffects(id, 1)).toEqual([expect.objectContaining({ kind: 'refuse', connection: 1 })]);
  });

  test('acknowledges the publishes of a client before it closes the connection, but ignores later publishes', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    member.input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.takeEffects(id, 1);
    member.input(1, { kind: 'publish', request: publish(1) });
    member.drain(1_000);
    cluster.until('closed', () => cluster.effects.get(id)!.some((effect) => effect.kind === 'close'));
    expect(cluster.takeEffects(id, 1).map((effect) => effect.kind)).toEqual(['puback', 'close']);
  });

  test('ignores a publish of a draining connection, which the client sends again to its next home', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    member.input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.takeEffects(id, 1);
    member.input(1, { kind: 'publish', request: publish(1) });
    member.drain(1_000);
    member.tick(cluster.nowMs + 5);
    member.input(1, { kind: 'publish', request: publish(2) });
    cluster.until('closed', () => cluster.effects.get(id)!.some((effect) => effect.kind === 'close'));
    const acked = cluster
      .takeEffects(id, 1)
      .flatMap((effect) => (effect.kind === 'puback' ? [effect.packetId] : []));
    expect(acked).toEqual([1]);
  });

  test('closes a connection after a bounded time if its publish cannot be acknowledged', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    member.input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.takeEffects(id, 1);
    cluster.cut(id);
    member.input(1, { kind: 'publish', request: { ...publish(1), qos: 2 } });
    member.drain(1_000);
    cluster.until('drained', () => member.status().drained);
    expect(cluster.takeEffects(id, 1).map((effect) => effect.kind)).toEqual(['close']);
  });

  describe('the will of a moved client', () => {
    let movedMs: number;

    /**
     * Drains the home of a client with a will. Returns how often a subscriber at another member receives the
     * will.
     */
    function wills(after: (home: MemberId, other: MemberId) => void): number {
      const [home, other] = followers() as [MemberId, MemberId];
      cluster.member(other).input(1, { kind: 'connect', request: request('watcher') });
      cluster.run(50);
      cluster
        .member(other)
        .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'will', qos: 1 }] });
      cluster.member(home).input(1, { kind: 'connect', request: withWill });
      cluster.run(100);
      cluster.member(home).drain(1_000);
      cluster.until('moved', () => cluster.member(home).status().connections === 0);
      movedMs = cluster.nowMs;
      after(home, other);
      cluster.run(12_000);
      return cluster.takeEffects(other, 1).filter((effect) => effect.kind === 'deliver').length;
    }
    const will = { topic: 'will', payload: text('gone'), qos: 1 as const, retain: false, delaySeconds: 0 };
    const withWill = { ...request('p'), will };

    test('is not published when the client reconnects elsewhere', () => {
      expect(
        wills((_home, other) => cluster.member(other).input(2, { kind: 'connect', request: withWill })),
      ).toBe(0);
    });

    test('is published once when the client does not reconnect before the deadline', () => {
      expect(wills(() => {})).toBe(1);
    });

    test.each([
      ['', () => {}],
      [
        ', also if the member has no leader for a moment',
        (home: MemberId) => {
          cluster.cut(home);
          for (let step = 0; step < 15; step++) {
            cluster.run(100);
            expect(cluster.member(home).status().drained).toBe(false);
          }
          expect(cluster.member(home).status().leader).toBe(null);
          cluster.heal(home);
        },
      ],
    ])('delays the end of the drain until the will is published%s', (_, meanwhile) => {
      // After a restart before that, the will would be published later than 5 s.
      const effects = wills((home, other) => {
        meanwhile(home);
        const came = (): boolean => cluster.effects.get(other)!.some((effect) => effect.kind === 'deliver');
        cluster.until('drained', () => {
          const { drained } = cluster.member(home).status();
          if (drained) expect(came()).toBe(true);
          return drained;
        });
        expect(cluster.nowMs - movedMs).toBeLessThan(5_000);
      });
      expect(effects).toBe(1);
    });

    test('does not delay the end of the drain once the client has reconnected elsewhere', () => {
      wills((home, other) => {
        cluster.member(other).input(2, { kind: 'connect', request: withWill });
        cluster.until('drained', () => cluster.member(home).status().drained);
        expect(cluster.nowMs - movedMs).toBeLessThan(1_000);
      });
    });

    test('is published once when the former home stops before the deadline', () => {
      expect(wills((home) => cluster.cut(home))).toBe(1);
    });
  });

  test('has clients with a queue that reconnect to another member and receive the queued messages there', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    cluster.member(id).input(1, { kind: 'connect', request: request('s', never) });
    cluster.run(50);
    cluster.member(id).input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 1 }] });
    cluster.run(50);
    cluster.member(id).drain(1_000);
    cluster.until('drained', () => cluster.member(id).status().drained);
    cluster.member(other).input(1, { kind: 'connect', request: request('p') });
    cluster.run(50);
    cluster.member(other).input(1, { kind: 'publish', request: publish(1) });
    cluster.run(50);
    cluster.member(other).input(2, { kind: 'connect', request: request('s', never) });
    cluster.run(100);
    expect(cluster.takeEffects(other, 2)).toMatchObject([
      { kind: 'connack', sessionPresent: true },
      { kind: 'deliver' },
    ]);
  });

  test('accepts clients again after undrain', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    member.drain(1_000);
    cluster.until('drained', () => member.status().drained);
    member.undrain();
    cluster.run(20);
    expect(member.status()).toMatchObject({ state: 'serving', drained: false });
    member.input(1, { kind: 'connect', request: request('c') });
    cluster.run(100);
    expect(cluster.takeEffects(id, 1)).toMatchObject([{ kind: 'connack' }]);
  });
});

describe('administration', () => {
  test('a follower answers a `survey` request with the data of the leader', () => {
    const [id] = followers() as [MemberId];
    const { accepted, survey } = ask(id, { kind: 'survey' });
    expect(accepted).toBe(true);
    expect(Object.keys(survey!).sort()).toEqual(followers().sort());
    for (const peer of Object.values(survey!)) expect(peer.lagEntries).toBe(0);
  });

  test('a follower forwards a request to transfer leadership, and the requested member becomes the leader', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    expect(ask(id, { kind: 'transferLeadership', to: other })).toMatchObject({ accepted: true });
    cluster.until('another leader', () => cluster.leader() === other);
  });

  test('any member accepts a request to remove a member, and the removed member reports the reason in its status', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    drain(other);
    expect(ask(id, { kind: 'removeMember', member: other, force: false })).toMatchObject({ accepted: true });
    const names = cluster
      .member(id)
      .status()
      .config!.members.map((member) => member.id);
    expect(names).not.toContain(other);
    // The removed member joins again only when an operator requests it.
    cluster.run(5_000);
    expect(cluster.member(id).status().config!.members).toHaveLength(2);
    cluster.member(other).undrain();
    expect(ask(id, { kind: 'addMember', member: other })).toMatchObject({ accepted: true });
    cluster.until('the returned member is a voter again', () =>
      cluster
        .member(id)
        .status()
        .config!.members.some((member) => member.id === other && member.role === 'voter'),
    );
  });

  test('the leader removes itself from the cluster if the request sets `force`', () => {
    const id = cluster.leader();
    expect(ask(id, { kind: 'removeMember', member: id, force: true })).toMatchObject({ accepted: true });
    cluster.until('another leads', () => cluster.leader() !== undefined && cluster.leader() !== id);
  });

  test('the leader removes a disconnected member only if the request sets `force`, because the disk of the member may contain messages that the cluster does not have', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    cluster.cut(other);
    cluster.member(other).input(1, { kind: 'connect', request: request('p') });
    cluster.run(20_000);
    const outcome = ask(id, { kind: 'removeMember', member: other, force: false });
    expect(outcome).toMatchObject({ accepted: false, reason: expect.stringContaining('force') });
    expect(ask(id, { kind: 'removeMember', member: other, force: true })).toMatchObject({ accepted: true });
  });

  test('the leader removes a member that sends no messages only if the request sets `force`, because the member may have sent degraded acknowledgements since its last hello message', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    cluster.member(other).input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.cut(other);
    cluster.run(3_000);
    cluster.member(other).input(1, { kind: 'publish', request: publish(1) });
    cluster.run(100);
    expect(cluster.takeEffects(other, 1)).toContainEqual(
      expect.objectContaining({ kind: 'puback', degraded: true }),
    );
    const outcome = ask(id, { kind: 'removeMember', member: other, force: false });
    expect(outcome).toMatchObject({ accepted: false, reason: expect.stringContaining('force') });
    cluster.heal(other);
    cluster.until(
      'the outbox of the member is empty',
      () => cluster.member(other).status().outboxItems === 0,
    );
    drain(other);
    expect(ask(id, { kind: 'removeMember', member: other, force: false })).toMatchObject({ accepted: true });
  });

  test('the leader decides a removal only by a report that the member sent after the loss of its vote', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    const remove = { kind: 'removeMember', member: other, force: false } as const;
    const role = () => roleOf(cluster.leader(), other);
    drain(other);
    let reports = false;
    cluster.onOutput(other, (output) => ({
      ...output,
      send: output.send.filter(({ message }) => reports || message.type !== 'hello'),
    }));
    // The leader still has the report of the drained member. The member acknowledges a message from its own disk, because
    // its proposals do not arrive.
    cluster.member(other).undrain();
    cluster.run(20);
    cluster.member(other).input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.holdProposals = other;
    cluster.member(other).input(1, { kind: 'publish', request: publish(1) });
    cluster.run(3_000);
    const acknowledgement = expect.objectContaining({ kind: 'puback', degraded: true });
    expect(cluster.takeEffects(other, 1)).toContainEqual(acknowledgement);
    expect(ask(id, remove)).toMatchObject({ accepted: false, later: true });
    expect(role()).toBe('learner');
    reports = true;
    cluster.run(10_000);
    expect(ask(id, remove)).toMatchObject({ accepted: false });
    expect(role()).toBe('learner');
    cluster.holdProposals = null;
    cluster.until('the member has its vote again', () => role() === 'voter');
    expect(cluster.member(other).status().outboxItems).toBe(0);
  });

  test('the leader refuses to remove a member that still drains, and the caller may retry', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    for (let connection = 1; connection <= 3; connection++)
      cluster.member(other).input(connection, { kind: 'connect', request: request(`c${connection}`) });
    cluster.run(100);
    cluster.member(other).drain(1);
    cluster.run(50);
    expect(ask(id, { kind: 'removeMember', member: other, force: false })).toEqual({
      accepted: false,
      reason: expect.stringContaining(`${other} still drains`),
      later: true,
    });
  });

  test('the leader refuses to remove a member of a version that does not report its outbox', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    cluster.onOutput(other, (output) => ({
      ...output,
      send: output.send.map((each) =>
        each.message.type === 'hello' ? { ...each, message: withoutOutbox(each.message) } : each,
      ),
    }));
    drain(other);
    expect(ask(id, { kind: 'removeMember', member: other, force: false })).toEqual({
      accepted: false,
      reason: expect.stringContaining(`the version of ${other} does not report`),
    });
  });

  test('the leader refuses to remove a member whose id another store uses', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    drain(other);
    cluster.onOutput(other, (output) => ({
      ...output,
      send: output.send.filter(({ message }) => message.type !== 'hello'),
    }));
    const hello = helloOf({ sentAtMs: 0, storeId: 'f'.repeat(32), state: 'draining', outboxItems: 0 });
    cluster.member(cluster.leader()).receive(other, hello);
    expect(ask(id, { kind: 'removeMember', member: other, force: false })).toMatchObject({
      accepted: false,
      reason: expect.stringContaining(`${other} is not connected`),
    });
  });

  test('the leader removes a new member that has not joined yet without a drain', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    drain(other);
    expect(ask(id, { kind: 'removeMember', member: other, force: false })).toMatchObject({ accepted: true });
    cluster.onOutput(other, (output) => ({
      ...output,
      send: output.send.map((each) =>
        each.message.type === 'hello'
          ? { ...each, message: { ...each.message, state: 'joining' as const } }
          : each,
      ),
    }));
    cluster.member(other).undrain();
    cluster.run(50);
    expect(ask(id, { kind: 'addMember', member: other })).toMatchObject({ accepted: true });
    cluster.run(1_000);
    expect(roleOf(cluster.leader(), other)).toBe('learner');
    expect(ask(id, { kind: 'removeMember', member: other, force: false })).toMatchObject({ accepted: true });
  });

  test('the leader refuses to remove the only voting member', () => {
    cluster = new TestCluster(['a']);
    cluster.serve();
    expect(ask('a', { kind: 'removeMember', member: 'a', force: true })).toEqual({
      accepted: false,
      reason: expect.stringContaining('only voting member'),
    });
  });

  test('a member without a majority rejects requests and reports the reason', () => {
    const [id] = followers() as [MemberId];
    cluster.cut(id);
    cluster.run(3_000);
    const outcome = ask(id, { kind: 'transferLeadership' });
    expect(outcome).toMatchObject({ accepted: false, reason: expect.stringContaining('majority') });
  });

  test('the leader rejects a request to add a member that is not a configured peer', () => {
    expect(ask('a', { kind: 'addMember', member: 'z' })).toMatchObject({
      accepted: false,
      reason: expect.stringContaining('do not name z'),
    });
  });
});

test('all members have the same cluster settings after the `settings` command is applied', () => {
  const [id] = followers() as [MemberId];
  cluster.member(id).changeSettings({ queuedMessagesMax: 7 });
  cluster.run(100);
  for (const member of cluster.members.values()) expect(member.settings().queuedMessagesMax).toBe(7);
});

test('HelloSender sends a changed load to the peers at once', () => {
  cluster.member('a').setLoad(0.7);
  cluster.run(50);
  expect(cluster.member('b').status().peers['a']).toMatchObject({ load: 0.7, outboxItems: 0 });
});

test('the leader rejects an empty store whose member id is in use, and reports a duplicate member id', () => {
  const [id] = followers() as [MemberId];
  const leader = cluster.member(cluster.leader());
  const before = leader.status().config;
  const hello = helloOf({ sentAtMs: 0, fresh: true, storeId: 'f'.repeat(32) });
  for (let repeat = 0; repeat < 40; repeat++) {
    leader.receive(id, hello);
    cluster.run(100);
  }
  expect(leader.status().config).toEqual(before);
  const reported = cluster.events
    .get(cluster.leader())!
    .filter((event) => event.kind === 'duplicateMemberId');
  expect(reported).toEqual([{ kind: 'duplicateMemberId', member: id, storeId: hello.storeId }]);
});

test('the leader adds a wiped member that returns soon after its former store sent a message, and reports no duplicate member id', () => {
  const [id] = followers() as [MemberId];
  const leader = cluster.leader();
  const storeId = 'f'.repeat(32);
  cluster.hanging.add(id);
  const hello = helloOf({ sentAtMs: 0, fresh: true, storeId });
  cluster.until('the wiped member is added', () => {
    cluster.member(leader).receive(id, hello);
    return cluster
      .member(leader)
      .status()
      .config!.members.some((member) => member.storeId === storeId);
  });
  expect(cluster.events.get(leader)!.filter((event) => event.kind === 'duplicateMemberId')).toEqual([]);
});

describe('a cluster of overloaded members', () => {
  const hangsMs = 700;
  const worksMs = 100;

  /** Counts the elections while one leader after the other hangs most of the time. */
  function elections(latencyMs: number): number {
    const count = (): number =>
      [...cluster.members.values()].reduce((sum, member) => sum + member.status().elections, 0);
    for (const member of cluster.members.values()) member.setLatency(latencyMs);
    cluster.run(hangsMs);
    const before = count();
    for (let round = 0; round < 20; round++) {
      const leader = cluster.leader();
      if (leader !== undefined) cluster.hanging.add(leader);
      cluster.run(hangsMs);
      cluster.hanging.clear();
      cluster.run(worksMs);
    }
    return count() - before;
  }

  test('extends its election timeouts by the measured latency and stops its repeated elections', () => {
    expect(elections(0)).toBeGreaterThan(5);
    expect(elections(hangsMs)).toBe(0);
  });

  test('still elects another leader when its leader has stopped', () => {
    for (const member of cluster.members.values()) member.setLatency(60_000);
    const gone = cluster.leader();
    cluster.cut(gone);
    cluster.until('another leader', () =>
      [...cluster.members].some(([id, member]) => id !== gone && member.status().role === 'leader'),
    );
  });
});
