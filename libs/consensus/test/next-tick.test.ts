import { lanTimings } from '../src/index.ts';
import { TestCluster } from './test-cluster.ts';

/** Elects A in a cluster of three, and lets all members store its first entry. */
function ledByA(): TestCluster {
  const cluster = TestCluster.of('A B C');
  cluster.campaign('A');
  cluster.advance(1_000);
  return cluster;
}

test('the next tick of an idle leader is the one that sends the next heartbeats', () => {
  const cluster = ledByA();
  const leader = cluster.get('A');
  const dueMs = leader.raft.nextTickMs();
  leader.raft.tick(dueMs - 1);
  expect(leader.raft.take().messages).toEqual([]);
  leader.raft.tick(dueMs);
  expect(leader.raft.take().messages.map(({ to }) => to)).toEqual(['B', 'C']);
  expect(leader.raft.nextTickMs()).toBeGreaterThan(dueMs + lanTimings.heartbeatMs);
});

test('a leader needs a tick for each heartbeat interval while a follower lacks an entry', () => {
  const cluster = ledByA();
  const leader = cluster.get('A');
  leader.raft.tick(leader.raft.nextTickMs());
  const roundMs = leader.raft.nextTickMs();
  leader.raft.propose([new Uint8Array(1)]);
  leader.raft.take();
  expect(leader.raft.nextTickMs()).toBeLessThan(roundMs);
});

test('the next tick of a follower is the one that starts its election', () => {
  const cluster = ledByA();
  const follower = cluster.get('B');
  const dueMs = follower.raft.nextTickMs();
  expect(dueMs).toBeGreaterThanOrEqual(cluster.nowMs);
  follower.raft.tick(dueMs - 1);
  expect(follower.raft.role()).toBe('follower');
  follower.raft.tick(dueMs);
  expect(follower.raft.role()).toBe('preCandidate');
});
