import type { AdminOutcome, MemberRole, MemberStatus, PeerSummary } from '@mqtt-cluster/contracts';
import { assessClusterHealth, clusterHealthSchema, stopBlocker } from '../../src/health/cluster-health.ts';

const summary: PeerSummary = { state: 'serving', clients: 0, load: 0, appliedIndex: 9, urls: [] };

function status(
  change: Partial<MemberStatus> = {},
  roles: readonly MemberRole[] = ['voter', 'voter', 'voter'],
) {
  const ids = ['a', 'b', 'c', 'd'].slice(0, roles.length);
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

/** Survey by the leader, b. */
function survey(change: Record<string, { lagEntries: number; silentMs: number }> = {}): AdminOutcome {
  const well = { lagEntries: 0, silentMs: 50 };
  return { accepted: true, reason: '', survey: { a: well, c: well, d: well, ...change } };
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
