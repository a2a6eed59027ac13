import { lanTimings } from '../src/index.ts';
import { TestCluster } from './test-cluster.ts';

describe('pre-vote and check-quorum (thesis, 6.2, 4.2.3 and 9.6)', () => {
  test('a leader steps down when no majority has responded for an election timeout', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.partition('A', 'B C');
    cluster.advance(lanTimings.electionMsMax + lanTimings.heartbeatMs);
    expect(cluster.get('A').role).not.toBe('leader');
    expect(cluster.get('A').events).toContainEqual({
      kind: 'steppedDown',
      term: 1,
      reason: 'no majority has responded within an election timeout',
    });
  });

  test('a leader that wakes up after a pause steps down before it accepts a proposal', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    const sleeper = cluster.get('A');
    sleeper.raft.tick(cluster.nowMs + 3_000 + sleeper.clockAheadMs);
    expect(sleeper.role).not.toBe('leader');
    expect(sleeper.raft.propose([new Uint8Array(1)])).toBeNull();
  });

  test('delayed responses to old heartbeats do not prove a quorum', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    const late: typeof cluster.inFlight = [];
    cluster.drops = (flight) => {
      if (flight.to === 'A') late.push(flight);
      return flight.to === 'A';
    };
    cluster.advance(700);
    expect(cluster.get('A').role).toBe('leader');
    // All responses arrive together, 700 ms after they were sent.
    cluster.nowMs += 700;
    for (const flight of late.filter(({ message }) => message.type === 'appendResponse').slice(0, 4))
      cluster.deliver(flight);
    cluster.tick(cluster.get('A'));
    expect(cluster.get('A').role).not.toBe('leader');
  });

  test('a member that rejoins after a partition does not depose the leader', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.partition('A B', 'C');
    cluster.advance(5_000);
    cluster.propose('A', 'x');
    cluster.heal();
    cluster.advance(2_000);
    expect(cluster.leader()?.id).toBe('A');
    expect(cluster.get('A').term).toBe(1);
    expect(cluster.values('C')).toEqual(['x']);
  });

  test('a member that reaches all members except the leader causes no election', () => {
    const cluster = TestCluster.of('A B C D E');
    cluster.campaign('A');
    cluster.drops = ({ from, to }) => [from, to].sort().join('') === 'AB';
    cluster.advance(10_000);
    expect(cluster.get('A').role).toBe('leader');
    expect(cluster.get('C').term).toBe(1);
  });

  test('a follower with a newer term than its leader causes an election, so that it does not reject the leader forever', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.propose('A', 'x');
    const stray = cluster.get('C');
    stray.crash();
    stray.disk.hardState = { term: 7, votedFor: 'C/store-C-1' };
    cluster.restart('C');
    cluster.advance(3_000);
    expect(cluster.leader()!.term).toBeGreaterThan(7);
    cluster.propose1('y');
    cluster.advance(200);
    expect(cluster.values('A')).toEqual(['x', 'y']);
    expect(cluster.values('C')).toEqual(['x', 'y']);
  });

  test('a voter with a live leader ignores candidates of any term', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.deliver({
      from: 'C',
      to: 'B',
      message: {
        type: 'voteRequest',
        term: 9,
        storeId: 'store-C-1',
        toStoreId: 'store-B-1',
        pre: false,
        lastIndex: 99,
        lastTerm: 8,
        force: false,
      },
    });
    cluster.settle();
    expect(cluster.get('B').term).toBe(1);
    expect(cluster.get('B').raft.status().leader).toBe('A');
  });

  test("the members elect a new leader without waiting for an election timeout when the leader's process is known to be dead", () => {
    const cluster = TestCluster.of('A B C D E');
    cluster.campaign('A');
    cluster.propose('A', 'x');
    cluster.get('A').crash();
    for (const id of ['B', 'C', 'D', 'E']) cluster.get(id).raft.linkChanged('A', 'refused');
    cluster.advance(lanTimings.deadLeaderDelayMsMax, 1);
    expect(cluster.leader()?.id).not.toBe('A');
    expect(cluster.leader()?.role).toBe('leader');
  });

  test('a single follower that wrongly considers the leader dead does not depose the leader', () => {
    const cluster = TestCluster.of('A B C');
    cluster.campaign('A');
    cluster.get('B').raft.linkChanged('A', 'refused');
    cluster.drops = ({ from, to }) => from === 'A' && to === 'B';
    cluster.advance(2_000);
    expect(cluster.get('A').role).toBe('leader');
    expect(cluster.get('A').term).toBe(1);
  });
});
