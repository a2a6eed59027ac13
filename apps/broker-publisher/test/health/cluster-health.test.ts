import type { AdminOutcome, MemberRole, MemberStatus, PeerSummary } from '@mqtt-cluster/contracts';
import { clusterHealth } from '../../src/health/cluster-health.ts';

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

/** The leader is b. */
function survey(change: Record<string, { lagEntries: number; silentMs: number }> = {}): AdminOutcome {
  const well = { lagEntries: 0, silentMs: 50 };
  return { accepted: true, reason: '', survey: { a: well, c: well, d: well, ...change } };
}

test('all is well, and any one may be stopped', () => {
  for (const id of ['a', 'b', 'c']) {
    const health = clusterHealth(status(), survey(), id);
    expect(health).toMatchObject({ healthy: true, majority: true, reason: '', leader: 'b', voters: 3 });
    expect(health.stop).toMatchObject({ member: id, safe: true });
  }
});

test.each([
  ['is not heard', survey({ c: { lagEntries: 0, silentMs: 60_000 } }), status()],
  ['lags', survey({ c: { lagEntries: 100_000, silentMs: 50 } }), status()],
  ['is a learner', survey(), status({}, ['voter', 'voter', 'learner'])],
  ['joins', survey(), status({ peers: { b: summary, c: { ...summary, state: 'joining' } } })],
  ['drains', survey(), status({ peers: { b: summary, c: { ...summary, state: 'draining' } } })],
])('while one %s no other may be stopped, but that one may', (_what, found, own) => {
  const other = clusterHealth(own, found, 'b');
  expect(other).toMatchObject({
    healthy: false,
    stop: { safe: false, waitingHelps: true, reason: expect.stringContaining('c is not well') },
  });
  expect(clusterHealth(own, found, 'c').stop).toMatchObject({ safe: true });
});

test('without a leader nobody may be stopped', () => {
  const health = clusterHealth(
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

test('of two voters none may be stopped', () => {
  const health = clusterHealth(status({}, ['voter', 'voter']), survey(), 'a');
  expect(health.stop).toMatchObject({
    safe: false,
    waitingHelps: false,
    reason: expect.stringContaining('1 of 2'),
  });
});

test('who is no member may be stopped, and a member of no cluster is not healthy', () => {
  expect(clusterHealth(status(), survey(), 'z').stop).toMatchObject({ safe: true });
  const nobody = clusterHealth(status({ config: null, reason: 'first start' }), {
    accepted: false,
    reason: 'x',
  });
  expect(nobody).toMatchObject({ healthy: false, reason: expect.stringContaining('first start') });
});
