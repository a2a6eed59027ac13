import type { AdminOutcome, Member, MemberRole, MemberStatus, PeerSummary } from '@mqtt-cluster/contracts';
import {
  assessClusterHealth,
  clusterHealthSchema,
  lostMsMin,
  staleness,
  stopBlocker,
} from '../../src/health/cluster-health.ts';
import { AdminCommandHandler } from '../../src/admin/admin-command-handler.ts';

const summary: PeerSummary = { state: 'serving', clients: 0, load: 0, appliedIndex: 9, urls: [] };

function status(
  change: Partial<MemberStatus> = {},
  roles: readonly MemberRole[] = ['voter', 'voter', 'voter'],
) {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].slice(0, roles.length);
  const members = ids.map((id, position) => ({ id, storeId: id, role: roles[position]! }));
  const peers = Object.fromEntries(ids.slice(1).map((id) => [id, summary]));
  const base = {
    id: 'a',
    state: 'serving',
    reason: '',
    leader: 'b',
    term: 3,
    connections: 1,
    links: {},
    peers,
  };
  return { ...base, config: { members }, ...change } as MemberStatus;
}

const well = { lagEntries: 0, silentMs: 50 };

/** Survey by the leader, b. */
function survey(change: Record<string, { lagEntries: number; silentMs: number }> = {}): AdminOutcome {
  return { accepted: true, reason: '', survey: { a: well, c: well, d: well, ...change } };
}

const seven = new Array<MemberRole>(7).fill('voter');
const lost = { lagEntries: 9, silentMs: lostMsMin };

function without<Value>(
  ids: readonly string[],
  record: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([id]) => !ids.includes(id)));
}

/** Status of one of seven voters that has no hello message of another one. */
function withoutHelloOf(id: string): MemberStatus {
  const own = status({}, seven);
  return { ...own, peers: without([id], own.peers) };
}

/** Survey of seven voters by the leader, b. */
function surveyOfSeven(change: Record<string, { lagEntries: number; silentMs: number }> = {}): AdminOutcome {
  return survey({ e: well, f: well, g: well, ...change });
}

test('a cluster of three healthy members is healthy, and any one member can be stopped safely', () => {
  for (const id of ['a', 'b', 'c']) {
    const health = assessClusterHealth(status(), survey(), id);
    expect(health).toMatchObject({ healthy: true, majority: true, reason: '', leader: 'b', voters: 3 });
    expect(health.stop).toMatchObject({ member: id, safe: true });
    expect(clusterHealthSchema.parse(health)).toEqual(health);
  }
});

test.each([
  ['does not answer the leader', survey({ c: { lagEntries: 0, silentMs: 60_000 } }), status()],
  ['lacks many log entries', survey({ c: { lagEntries: 100_000, silentMs: 50 } }), status()],
  ['is a learner', survey(), status({}, ['voter', 'voter', 'learner'])],
  ['is still joining', survey(), status({ peers: { b: summary, c: { ...summary, state: 'joining' } } })],
  ['is draining', survey(), status({ peers: { b: summary, c: { ...summary, state: 'draining' } } })],
])('while one member %s, only this member can be stopped safely', (_what, found, own) => {
  const other = assessClusterHealth(own, found, 'b');
  expect([stopBlocker(other, 'b'), stopBlocker(other, 'c')]).toEqual(['member_unhealthy', null]);
  expect(other).toMatchObject({
    healthy: false,
    stop: { safe: false, waitingHelps: true, reason: expect.stringContaining('c is not healthy') },
  });
  expect(assessClusterHealth(own, found, 'c').stop).toMatchObject({ safe: true });
});

test('with two of seven members lost, each lost member can be stopped, and no other member can', () => {
  const safe = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].filter((id) => {
    const health = assessClusterHealth(status({}, seven), surveyOfSeven({ f: lost, g: lost }), id);
    expect(health).toMatchObject({ majority: true, voters: 7 });
    return health.stop?.safe;
  });
  expect(safe).toEqual(['f', 'g']);
});

test.each([
  ['restarts', { lagEntries: 9, silentMs: lostMsMin - 1 }, status({}, seven)],
  ['answers the leader, but has sent no hello message to the asked member', well, withoutHelloOf('g')],
])('while another member is lost, a member that %s cannot be stopped', (_what, g, own) => {
  const { stop } = assessClusterHealth(own, surveyOfSeven({ f: lost, g }), 'g', { g: lostMsMin });
  expect(stop).toMatchObject({
    safe: false,
    waitingHelps: true,
    reason: expect.stringContaining('f is not healthy'),
  });
});

test('without a majority, not even a lost member can be stopped', () => {
  const found = surveyOfSeven({ d: lost, e: lost, f: lost, g: lost });
  expect(assessClusterHealth(status({}, seven), found, 'g')).toMatchObject({
    majority: false,
    stop: { safe: false, waitingHelps: true },
  });
});

test('a member that never answered a new leader is lost when its link has been down for long enough', async () => {
  let nowMs = 0;
  let own = status({}, seven);
  const outcome = { ...surveyOfSeven(), survey: without(['f', 'g'], surveyOfSeven().survey!) };
  const handler = new AdminCommandHandler({
    runner: {
      status: () => own,
      readMember: () => {
        throw new Error('not needed');
      },
      callMember: (call) => {
        const administer = (request: number): void =>
          queueMicrotask(() => handler.onEvents([{ kind: 'adminAnswer', request, outcome }]));
        call({ administer } as unknown as Member);
      },
    },
    drainPerSecond: 1,
    stop: () => undefined,
    now: () => nowMs,
  });
  const safeAt = async (timeMs: number, links: MemberStatus['links']): Promise<boolean> => {
    nowMs = timeMs;
    own = status({ links }, seven);
    return (await handler.health('g')).stop!.safe;
  };
  const others = { b: 'up', c: 'up', d: 'up', e: 'up', f: 'down' } as const;
  expect(await safeAt(0, { ...others, g: 'refused' })).toBe(false);
  expect(await safeAt(lostMsMin, { ...others, g: 'down' })).toBe(true);
  // Its process is back for a moment.
  expect(await safeAt(lostMsMin + 1, { ...others, g: 'up' })).toBe(false);
  expect(await safeAt(lostMsMin + 2, { ...others, g: 'down' })).toBe(false);
});

test.each([
  ['has caught up', survey(), status(), null],
  ['drains', survey(), status({ state: 'draining', reason: 'drains' }), null],
  ['sees one member less', survey({ c: { lagEntries: 0, silentMs: 60_000 } }), status(), null],
  [
    'lacks many entries',
    survey({ a: { lagEntries: 5_000, silentMs: 50 } }),
    status(),
    'a lacks 5000 entries',
  ],
  ['joins', survey(), status({ state: 'joining', reason: 'it copies the state' }), 'a: it copies the state'],
  [
    'sees no leader',
    { accepted: false, reason: 'none' },
    status({ leader: null }),
    'a sees no majority: none',
  ],
  [
    'leads, and no other member answers',
    {
      accepted: true,
      reason: '',
      survey: { b: { lagEntries: 0, silentMs: 60_000 }, c: { lagEntries: 0, silentMs: 60_000 } },
    },
    status({ leader: 'a' }),
    'b: unreachable; c: unreachable',
  ],
])('the state of a member that %s is current, or the reason says why not', (_what, found, own, expected) => {
  expect(staleness(assessClusterHealth(own, found))).toBe(expected);
});

test('while the cluster has no leader, no member can be stopped safely', () => {
  const health = assessClusterHealth(
    status({ leader: null }),
    { accepted: false, reason: 'no leader is known' },
    'c',
  );
  expect(health).toMatchObject({
    healthy: false,
    majority: false,
    stop: { safe: false, waitingHelps: true },
  });
});

test('in a cluster with two voters, neither voter can be stopped safely', () => {
  const health = assessClusterHealth(status({}, ['voter', 'voter']), survey(), 'a');
  expect(health.stop).toMatchObject({
    safe: false,
    waitingHelps: false,
    reason: expect.stringContaining('1 of 2'),
  });
});

test('a host that is not a member can be stopped, and a member without a cluster is not healthy', () => {
  expect(assessClusterHealth(status(), survey(), 'z').stop).toMatchObject({ safe: true });
  const withoutCluster = assessClusterHealth(status({ config: null, reason: 'first start' }), {
    accepted: false,
    reason: 'x',
  });
  expect(withoutCluster).toMatchObject({ healthy: false, reason: expect.stringContaining('first start') });
});
