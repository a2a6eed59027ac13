import type { AdminAction, AdminOutcome, MemberId } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const never = 0xffffffff;
let cluster: TestCluster;
let lastRequest = 0;

beforeEach(() => {
  cluster = new TestCluster(['a', 'b', 'c']);
  cluster.serve();
});

/** Asks one member and waits for what it says. */
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

const followers = (): MemberId[] => [...cluster.members.keys()].filter((id) => id !== cluster.leader());
const publish = (packetId: number) => ({
  topic: 'x',
  payload: text('m'),
  qos: 1 as const,
  retain: false,
  packetId,
});

describe('drain', () => {
  test('no client is taken, all are closed at the rate given, leadership goes, and then it is done', () => {
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
    expect(cluster.heard(id, 21)).toEqual([{ kind: 'refuse', connection: 21, reason: 'draining' }]);
    expect(member.status()).toMatchObject({ state: 'draining', drained: false });
    cluster.until('drained', () => member.status().drained);
    expect(member.status().connections).toBe(0);
    expect(cluster.leader()).not.toBe(id);
  });

  test('who waits to be let in is sent elsewhere when the majority is lost meanwhile', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    cluster.cut(id);
    member.input(1, { kind: 'connect', request: request('late') });
    member.drain(100);
    cluster.run(4_000);
    expect(cluster.heard(id, 1)).toEqual([expect.objectContaining({ kind: 'refuse', connection: 1 })]);
  });

  test('who has published is answered before it is closed, and nothing more is taken from it', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    member.input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.heard(id, 1);
    member.input(1, { kind: 'publish', request: publish(1) });
    member.drain(1_000);
    cluster.until('closed', () => cluster.effects.get(id)!.some((effect) => effect.kind === 'close'));
    expect(cluster.heard(id, 1).map((effect) => effect.kind)).toEqual(['puback', 'close']);
  });

  test('a publish after the word to leave is left to the next home', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    member.input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.heard(id, 1);
    member.input(1, { kind: 'publish', request: publish(1) });
    member.drain(1_000);
    member.tick(cluster.nowMs + 5);
    member.input(1, { kind: 'publish', request: publish(2) });
    cluster.until('closed', () => cluster.effects.get(id)!.some((effect) => effect.kind === 'close'));
    const acked = cluster
      .heard(id, 1)
      .flatMap((effect) => (effect.kind === 'puback' ? [effect.packetId] : []));
    expect(acked).toEqual([1]);
  });

  test('one whose publish cannot be answered is closed all the same, after a bound', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    member.input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.heard(id, 1);
    cluster.cut(id);
    member.input(1, { kind: 'publish', request: { ...publish(1), qos: 2 } });
    member.drain(1_000);
    cluster.until('drained', () => member.status().drained);
    expect(cluster.heard(id, 1).map((effect) => effect.kind)).toEqual(['close']);
  });

  describe('the will of who was moved', () => {
    let movedMs: number;

    /** A client with a will at a member that drains; how often another hears the will. */
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
      return cluster.heard(other, 1).filter((effect) => effect.kind === 'deliver').length;
    }
    const will = { topic: 'will', payload: text('gone'), qos: 1 as const, retain: false, delaySeconds: 0 };
    const withWill = { ...request('p'), will };

    test('is not published when it comes back elsewhere', () => {
      expect(
        wills((_home, other) => cluster.member(other).input(2, { kind: 'connect', request: withWill })),
      ).toBe(0);
    });

    test('is published once when it does not: it had died before it was told', () => {
      expect(wills(() => {})).toBe(1);
    });

    test('keeps its home from being drained until then, or the next start would put it off beyond 5 s', () => {
      const heard = wills((home, other) => {
        const came = (): boolean => cluster.effects.get(other)!.some((effect) => effect.kind === 'deliver');
        cluster.until('drained', () => {
          const { drained } = cluster.member(home).status();
          if (drained) expect(came()).toBe(true);
          return drained;
        });
        expect(cluster.nowMs - movedMs).toBeLessThan(5_000);
      });
      expect(heard).toBe(1);
    });

    test('does not keep its home once it is back elsewhere', () => {
      wills((home, other) => {
        cluster.member(other).input(2, { kind: 'connect', request: withWill });
        cluster.until('drained', () => cluster.member(home).status().drained);
        expect(cluster.nowMs - movedMs).toBeLessThan(1_000);
      });
    });

    test('is published once when its former home ends meanwhile', () => {
      expect(wills((home) => cluster.cut(home))).toBe(1);
    });
  });

  test('the session is at any other member, with what was queued', () => {
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
    expect(cluster.heard(other, 2)).toMatchObject([
      { kind: 'connack', sessionPresent: true },
      { kind: 'deliver' },
    ]);
  });

  test('undrain takes clients again', () => {
    const [id] = followers() as [MemberId];
    const member = cluster.member(id);
    member.drain(1_000);
    cluster.until('drained', () => member.status().drained);
    member.undrain();
    cluster.run(20);
    expect(member.status()).toMatchObject({ state: 'serving', drained: false });
    member.input(1, { kind: 'connect', request: request('c') });
    cluster.run(100);
    expect(cluster.heard(id, 1)).toMatchObject([{ kind: 'connack' }]);
  });
});

describe('administration', () => {
  test('a follower asked about the cluster answers with what the leader knows', () => {
    const [id] = followers() as [MemberId];
    const { accepted, survey } = ask(id, { kind: 'survey' });
    expect(accepted).toBe(true);
    expect(Object.keys(survey!).sort()).toEqual(followers().sort());
    for (const peer of Object.values(survey!)) expect(peer.lagEntries).toBe(0);
  });

  test('leadership goes to whom a follower names', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    expect(ask(id, { kind: 'transferLeadership', to: other })).toMatchObject({ accepted: true });
    cluster.until('another leader', () => cluster.leader() === other);
  });

  test('a member is removed on the word of any, and is told why it serves no more', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    expect(ask(id, { kind: 'removeMember', member: other, force: false })).toMatchObject({ accepted: true });
    const names = cluster
      .member(id)
      .status()
      .config!.members.map((member) => member.id);
    expect(names).not.toContain(other);
    // It comes back only by a word.
    cluster.run(5_000);
    expect(cluster.member(id).status().config!.members).toHaveLength(2);
    expect(ask(id, { kind: 'addMember', member: other })).toMatchObject({ accepted: true });
    cluster.until('it votes again', () =>
      cluster
        .member(id)
        .status()
        .config!.members.some((member) => member.id === other && member.role === 'voter'),
    );
  });

  test('the leader removes itself', () => {
    const id = cluster.leader();
    expect(ask(id, { kind: 'removeMember', member: id, force: false })).toMatchObject({ accepted: true });
    cluster.until('another leads', () => cluster.leader() !== undefined && cluster.leader() !== id);
  });

  test('one that nobody hears is removed only by force: its disk may hold what the cluster lacks', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    cluster.cut(other);
    cluster.member(other).input(1, { kind: 'connect', request: request('p') });
    cluster.run(20_000);
    const outcome = ask(id, { kind: 'removeMember', member: other, force: false });
    expect(outcome).toMatchObject({ accepted: false, reason: expect.stringContaining('force') });
    expect(ask(id, { kind: 'removeMember', member: other, force: true })).toMatchObject({ accepted: true });
  });

  test('one that has gone silent may have acked alone since its last greeting, and is removed only by force', () => {
    const [id, other] = followers() as [MemberId, MemberId];
    cluster.member(other).input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    cluster.cut(other);
    cluster.run(3_000);
    cluster.member(other).input(1, { kind: 'publish', request: publish(1) });
    cluster.run(100);
    expect(cluster.heard(other, 1)).toContainEqual(
      expect.objectContaining({ kind: 'puback', degraded: true }),
    );
    const outcome = ask(id, { kind: 'removeMember', member: other, force: false });
    expect(outcome).toMatchObject({ accepted: false, reason: expect.stringContaining('force') });
    cluster.heal(other);
    cluster.until('its outbox is empty', () => cluster.member(other).status().outboxItems === 0);
    cluster.until('it may go', () => ask(id, { kind: 'removeMember', member: other, force: false }).accepted);
  });

  test('without a majority the answer is no, and why', () => {
    const [id] = followers() as [MemberId];
    cluster.cut(id);
    cluster.run(3_000);
    const outcome = ask(id, { kind: 'transferLeadership' });
    expect(outcome).toMatchObject({ accepted: false, reason: expect.stringContaining('majority') });
  });

  test('nobody is added of whom nothing is known', () => {
    expect(ask('a', { kind: 'addMember', member: 'z' })).toMatchObject({
      accepted: false,
      reason: expect.stringContaining('do not name z'),
    });
  });
});

test('settings are the same everywhere once they are applied', () => {
  const [id] = followers() as [MemberId];
  cluster.member(id).changeSettings({ queuedMessagesMax: 7 });
  cluster.run(100);
  for (const member of cluster.members.values()) expect(member.settings().queuedMessagesMax).toBe(7);
});

test('a load is told to the peers as it changes', () => {
  cluster.member('a').setLoad(0.7);
  cluster.run(50);
  expect(cluster.member('b').status().peers['a']).toMatchObject({ load: 0.7, outboxItems: 0 });
});

const emptyHello = {
  type: 'hello',
  incarnation: 1,
  sentAtMs: 0,
  fresh: true,
  config: null,
  state: 'joining',
  clients: 0,
  load: 0,
  urls: [],
  semantics: 1,
  appliedIndex: 0,
  digest: null,
  known: [],
} as const;

test('an empty store does not replace one of the same id that is there, and the leader says so', () => {
  const [id] = followers() as [MemberId];
  const leader = cluster.member(cluster.leader());
  const before = leader.status().config;
  const hello = { ...emptyHello, storeId: 'f'.repeat(32) };
  for (let repeat = 0; repeat < 40; repeat++) {
    leader.receive(id, hello);
    cluster.run(100);
  }
  expect(leader.status().config).toEqual(before);
  const told = cluster.events.get(cluster.leader())!.filter((event) => event.kind === 'duplicateMemberId');
  expect(told).toEqual([{ kind: 'duplicateMemberId', member: id, storeId: hello.storeId }]);
});

test('one that comes back wiped before its former self counts as silent is let in, and is no impostor', () => {
  const [id] = followers() as [MemberId];
  const leader = cluster.leader();
  const storeId = 'f'.repeat(32);
  cluster.hanging.add(id);
  const hello = { ...emptyHello, storeId };
  cluster.until('it is let in', () => {
    cluster.member(leader).receive(id, hello);
    return cluster
      .member(leader)
      .status()
      .config!.members.some((member) => member.storeId === storeId);
  });
  expect(cluster.events.get(leader)!.filter((event) => event.kind === 'duplicateMemberId')).toEqual([]);
});

describe('busy machines', () => {
  const hangsMs = 700;
  const worksMs = 100;

  /** Of leaders that hang for most of the time, one after the other. */
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

  test('that know how late they are wait longer, and do not vote for ever', () => {
    expect(elections(0)).toBeGreaterThan(5);
    expect(elections(hangsMs)).toBe(0);
  });

  test('elect another leader all the same when theirs is gone', () => {
    for (const member of cluster.members.values()) member.setLatency(60_000);
    const gone = cluster.leader();
    cluster.cut(gone);
    cluster.until('another leader', () =>
      [...cluster.members].some(([id, member]) => id !== gone && member.status().role === 'leader'),
    );
  });
});
