import { lanTimings } from '../src/index.ts';
import { TestCluster } from './test-cluster.ts';

function ledByA(members = 'A B C'): TestCluster {
  const cluster = TestCluster.of(members);
  cluster.campaign('A');
  cluster.propose('A', 'x');
  return cluster;
}

/** Makes A transfer leadership and delivers all messages. */
function transfer(cluster: TestCluster, to?: string): void {
  cluster.get('A').raft.transferLeadership(to);
  cluster.settle();
}

describe('leadership transfer (thesis, 3.10)', () => {
  test('a leader transfers leadership to an up-to-date follower before its own lease expires', () => {
    const cluster = ledByA();
    transfer(cluster, 'B');
    expect(cluster.leader()?.id).toBe('B');
    expect(cluster.get('A').role).toBe('follower');
    cluster.propose('B', 'y');
    expect(cluster.values('C')).toEqual(['x', 'y']);
  });

  test('a leader without a given target transfers leadership to the most up-to-date active voter', () => {
    const cluster = ledByA('A B C D E');
    cluster.drops = ({ to }) => to === 'B' || to === 'C';
    cluster.propose('A', 'y');
    cluster.heal();
    transfer(cluster);
    expect(cluster.leader()?.id).toMatch(/[DE]/);
  });

  test('a transfer target that lags receives the missing entries before it becomes leader', () => {
    const cluster = ledByA();
    cluster.get('C').crash();
    for (let count = 0; count < 40; count += 1) cluster.propose('A', 'x'.repeat(200));
    cluster.restart('C');
    transfer(cluster, 'C');
    cluster.advance(500);
    expect(cluster.leader()?.id).toBe('C');
    expect(cluster.get('C').commit).toBeGreaterThan(41);
  });

  test('a transfer target that needs a snapshot receives the snapshot before it becomes leader', () => {
    const cluster = ledByA();
    cluster.get('C').crash();
    for (let count = 0; count < 10; count += 1) cluster.propose('A', `${count}`);
    cluster.get('A').compact(0);
    cluster.restart('C');
    transfer(cluster, 'C');
    cluster.advance(600);
    expect(cluster.get('C').restores).toBe(1);
    expect(cluster.leader()?.id).toBe('C');
  });

  test.each(['A', 'D', 'X'])(
    'a leader ignores a request to transfer leadership to itself, to a learner or to an unknown member (%s)',
    (to) => {
      const cluster = ledByA();
      cluster.add('D', { config: null });
      cluster.config('A', 'A B C +D');
      cluster.advance(100);
      transfer(cluster, to);
      expect(cluster.get('A').raft.status().transferTarget).toBeNull();
      expect(cluster.propose('A', 'y')).not.toBeNull();
    },
  );

  test('a leader rejects proposals during a transfer, and ends the transfer after an election timeout', () => {
    const cluster = ledByA();
    cluster.get('C').crash();
    transfer(cluster, 'C');
    expect(cluster.get('A').raft.status().transferTarget).toBe('C');
    expect(cluster.propose('A', 'y')).toBeNull();
    expect(cluster.config('A', 'A B').accepted).toBe(false);
    cluster.advance(lanTimings.electionMsMax + 10);
    expect(cluster.get('A').raft.status().transferTarget).toBeNull();
    expect(cluster.propose('A', 'y')).not.toBeNull();
    expect(cluster.get('A').term).toBe(1);
  });

  test('a second transfer request replaces the target of the first one', () => {
    const cluster = ledByA();
    cluster.get('C').crash();
    transfer(cluster, 'C');
    transfer(cluster, 'B');
    expect(cluster.leader()?.id).toBe('B');
  });

  test('a leader sends the timeoutNow message again when the first one was lost', () => {
    const cluster = ledByA();
    let lost = 0;
    cluster.drops = ({ message }) => message.type === 'timeoutNow' && (lost += 1) === 1;
    transfer(cluster, 'B');
    expect(cluster.leader()?.id).toBe('A');
    cluster.advance(200);
    expect(cluster.leader()?.id).toBe('B');
  });

  test('the election of another member ends the transfer', () => {
    const cluster = ledByA();
    cluster.drops = ({ message }) => message.type === 'timeoutNow';
    transfer(cluster, 'C');
    cluster.campaign('B');
    expect(cluster.leader()?.id).toBe('B');
    expect(cluster.get('A').raft.status().transferTarget).toBeNull();
  });

  test('a voter ignores a timeoutNow message of an older term, and one from a member that is not the leader', () => {
    const cluster = ledByA();
    const message = { type: 'timeoutNow', storeId: 'store-B-1', toStoreId: 'store-C-1' } as const;
    cluster.deliver({ from: 'B', to: 'C', message: { ...message, term: 1 } });
    cluster.deliver({ from: 'A', to: 'C', message: { ...message, storeId: 'store-A-1', term: 0 } });
    cluster.settle();
    expect(cluster.leader()?.id).toBe('A');
  });
});
