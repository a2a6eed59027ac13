import { lanTimings } from '../src/index.ts';
import { TestCluster } from './test-cluster.ts';

/** A cluster led by A, in which these followers need each commit index at once. */
function ledByA(...awaited: readonly string[]): TestCluster {
  const cluster = TestCluster.of('A B C', { isCommitAwaited: (peer) => awaited.includes(peer) });
  cluster.campaign('A');
  cluster.advance(1_000);
  return cluster;
}

test('a follower that waits for commits gets each commit index at once', () => {
  const cluster = ledByA('B');
  cluster.propose('A', 'x');
  expect(cluster.values('B')).toEqual(['x']);
});

test('another follower gets the commit index with the next append', () => {
  const cluster = ledByA('B');
  cluster.propose('A', 'x');
  expect(cluster.values('C')).toEqual([]);
  cluster.propose('A', 'y');
  expect(cluster.values('C')).toEqual(['x']);
});

test('another follower gets the commit index with the next heartbeat, after one interval', () => {
  const cluster = ledByA('B');
  cluster.advance(lanTimings.heartbeatMs);
  cluster.propose('A', 'x');
  cluster.advance(lanTimings.heartbeatMs);
  expect(cluster.values('C')).toEqual(['x']);
});

test('a new leader applies the entries whose commit index no follower had', () => {
  const cluster = ledByA();
  cluster.propose('A', 'x');
  expect(cluster.values('B')).toEqual([]);
  cluster.get('A').up = false;
  cluster.advance(2 * lanTimings.electionMsMax);
  const leader = cluster.leader()!;
  expect(leader.id).not.toBe('A');
  expect(cluster.values(leader.id)).toEqual(['x']);
});
