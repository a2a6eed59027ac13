import { configOf } from './member.ts';
import { TestCluster } from './test-cluster.ts';

/** Creates a cluster with A as its leader, and optionally a member X outside the configuration. */
function ledByA(members: string, joiner?: { storeId: string }): TestCluster {
  const cluster = TestCluster.of(members);
  if (joiner !== undefined) cluster.add('X', { config: null, storeId: joiner.storeId });
  cluster.campaign('A');
  return cluster;
}

const x = { storeId: 'store-X-1' };

describe('membership changes (thesis, 4.1 to 4.4)', () => {
  test('a new member is a learner first and a voter later', () => {
    const cluster = ledByA('A B C', x);
    cluster.propose('A', 'before');
    expect(cluster.config('A', 'A B C +X')).toEqual({ accepted: true });
    cluster.advance(200);
    expect(cluster.values('X')).toEqual(['before']);
    expect(cluster.get('X').role).toBe('learner');
    expect(cluster.config('A', 'A B C X')).toEqual({ accepted: true });
    cluster.advance(200);
    expect(cluster.get('X').role).toBe('follower');
    expect(cluster.get('X').events).toContainEqual({ kind: 'configChanged', config: configOf('A B C X') });
  });

  test('a leader sends nothing to a new learner before the entry that adds it is committed', () => {
    const cluster = ledByA('A B C', x);
    cluster.propose('A', 'before');
    cluster.drops = ({ to }) => to === 'B' || to === 'C';
    expect(cluster.config('A', 'A B C +X')).toEqual({ accepted: true });
    cluster.advance(100);
    expect(cluster.get('X').role).toBe('none');
    // B and C elect another leader, which has no entry about X.
    cluster.get('A').crash();
    cluster.heal();
    cluster.campaign('B');
    cluster.advance(200);
    expect(cluster.get('X').raft.status()).toMatchObject({ role: 'none', lastIndex: 0, config: null });
    expect(cluster.config('B', 'A B C +X')).toEqual({ accepted: true });
    cluster.advance(200);
    expect(cluster.values('X')).toEqual(['before']);
  });

  test('a leader does not count a learner for commits, and a learner does not campaign', () => {
    const cluster = ledByA('A B', x);
    cluster.config('A', 'A B +X');
    cluster.advance(200);
    cluster.get('B').crash();
    cluster.propose('A', 'y');
    expect(cluster.values('X')).toEqual([]);
    cluster.get('A').crash();
    cluster.advance(5_000);
    expect(cluster.get('X').role).toBe('learner');
    expect(cluster.get('X').term).toBe(1);
  });

  test('a promoted learner grants its vote before it has received its promotion', () => {
    const cluster = ledByA('A B C', x);
    cluster.config('A', 'A B C +X');
    cluster.advance(200);
    cluster.drops = ({ to }) => to === 'X' || to === 'C';
    cluster.config('A', 'A B C X');
    cluster.heal();
    cluster.get('A').crash();
    expect(cluster.get('X').role).toBe('learner');
    // The new configuration needs three of four votes.
    cluster.campaign('B');
    expect(cluster.get('B').role).toBe('leader');
    expect(cluster.get('X').role).toBe('follower');
  });

  test.each([
    ['the change is proposed to a follower', 'B', 'A B', 'not the leader'],
    ['two members change at once', 'A', 'A', 'more than one member'],
    ['nothing changes', 'A', 'A B C', 'equals the current one'],
    ['a new member becomes a voter at once', 'A', 'A B C X', 'must be added as a learner'],
    ['the new store of a voter becomes a voter at once', 'A', 'A B C:2', 'must be added as a learner'],
    ['the same member is listed twice', 'A', 'A B C C', 'lists a member twice'],
    ['no voter is left', 'A', '+A', 'no voter'],
  ])('a member rejects a configuration change if %s', (_case, at, members, reason) => {
    const cluster = ledByA('A B C');
    const answer = cluster.config(at, members);
    expect(answer.accepted).toBe(false);
    expect(answer.reason).toContain(reason);
  });

  test('a leader rejects a configuration change while another change is pending, and before its own first commit in its term', () => {
    const cluster = ledByA('A B C', x);
    cluster.partition('A', 'B C', 'X');
    expect(cluster.config('A', 'A B C +X').accepted).toBe(true);
    expect(cluster.get('A').raft.status().configChangePending).toBe(true);
    expect(cluster.config('A', 'A B').reason).toContain('not yet committed');
    cluster.heal();
    cluster.drops = ({ message }) => message.type === 'appendResponse';
    cluster.campaign('B');
    expect(cluster.get('B').role).toBe('leader');
    expect(cluster.config('B', 'A B C +X').reason).toContain('in its term');
  });

  test('a leader rejects the promotion of a learner that has not caught up', () => {
    const cluster = ledByA('A B C', x);
    cluster.get('X').crash();
    cluster.config('A', 'A B C +X');
    expect(cluster.config('A', 'A B C X').reason).toContain('caught up');
  });

  test('a leader rejects a change to a configuration without a responding majority, because it could not commit the change', () => {
    const cluster = ledByA('A B C D');
    cluster.get('D').crash();
    cluster.advance(1_000);
    expect(cluster.config('A', 'A B C')).toEqual({ accepted: true });
    cluster.restart('D');
    cluster.get('C').crash();
    cluster.advance(1_000);
    expect(cluster.config('A', 'A C').reason).toContain('responds');
    expect(cluster.config('A', 'A B')).toEqual({ accepted: true });
  });

  test('a member that truncates a configuration entry returns to the previous configuration', () => {
    const cluster = ledByA('A B C', x);
    cluster.partition('A', 'B C', 'X');
    cluster.config('A', 'A B C +X');
    expect(cluster.get('A').raft.status().config).toEqual(configOf('A B C +X'));
    cluster.campaign('B');
    cluster.heal();
    cluster.advance(1_000);
    expect(cluster.get('A').raft.status().config).toEqual(configOf('A B C'));
  });

  test('a leader that removes itself leads until its removal is committed, and then another member is elected at once', () => {
    const cluster = ledByA('A B C');
    cluster.config('A', 'B C');
    expect(cluster.get('A').role).toBe('none');
    expect(cluster.leader()?.id).toMatch(/[BC]/);
    cluster.propose1('x');
    expect(cluster.values('B')).toEqual(['x']);
    expect(cluster.values('A')).toEqual([]);
  });

  test('a leader that removes itself does not count its own disk for the commit', () => {
    const cluster = ledByA('A B C');
    cluster.partition('A B', 'C');
    cluster.config('A', 'B C');
    // B alone is not a majority of B and C.
    expect(cluster.get('A').raft.status().configChangePending).toBe(true);
    cluster.heal();
    cluster.advance(600);
    expect(cluster.get('B').raft.status().config).toEqual(configOf('B C'));
    expect(cluster.get('B').raft.status().configChangePending).toBe(false);
  });

  test('a removed member that has not received the entry of its removal does not depose the leader', () => {
    const cluster = ledByA('A B C D');
    cluster.partition('A B C', 'D');
    cluster.config('A', 'A B C');
    cluster.heal();
    cluster.advance(5_000);
    expect(cluster.leader()?.id).toBe('A');
    expect(cluster.get('A').term).toBe(1);
    expect(cluster.get('D').role).not.toBe('leader');
    // While there is no leader, the removed member does not win an election either, because its log lacks the
    // last entry.
    cluster.get('A').crash();
    cluster.advance(3_000);
    expect(cluster.leader()?.id).toMatch(/[BC]/);
  });

  test('the only member that stores its own removal becomes leader and commits the removal (thesis, 4.2.2)', () => {
    const cluster = ledByA('A B');
    cluster.partition('A', 'B');
    cluster.config('A', 'B');
    cluster.get('A').crash();
    cluster.restart('A');
    cluster.heal();
    cluster.advance(3_000);
    expect(cluster.leader()?.id).toBe('B');
    expect(cluster.get('B').raft.status().config).toEqual(configOf('B'));
    expect(cluster.get('A').role).toBe('none');
  });

  test('a member with a wiped disk returns as a learner, and the leader does not count its old acknowledgements', () => {
    const cluster = ledByA('A B C');
    cluster.propose('A', 'x');
    cluster.get('C').crash();
    cluster.members.delete('C');
    const wiped = cluster.add('C', { config: null, storeId: 'store-C-2' });
    cluster.advance(1_000);
    expect(wiped.role).toBe('none');
    expect(cluster.config('A', 'A B +C:2')).toEqual({ accepted: true });
    cluster.advance(300);
    expect(wiped.role).toBe('learner');
    expect(cluster.values('C')).toEqual(['x']);
    expect(cluster.get('A').raft.status().match['C']).toBe(3);
    expect(cluster.config('A', 'A B C:2')).toEqual({ accepted: true });
    cluster.advance(200);
    expect(wiped.role).toBe('follower');
  });

  test('a cluster shrinks from seven members to five and grows back, although a leader crashes in each step', () => {
    const cluster = TestCluster.of('A B C D E F G');
    cluster.advance(2_000);
    const steps = [
      'B C D E F G',
      'C D E F G',
      'C D E F G +A',
      'A C D E F G',
      'A C D E F G +B',
      'A B C D E F G',
    ];
    for (const [at, members] of steps.entries()) {
      cluster.propose1(`${at}`);
      expect(cluster.config(cluster.leader()!.id, members)).toEqual({ accepted: true });
      cluster.advance(300);
      const lost = cluster.leader()!.id;
      cluster.get(lost).crash();
      cluster.advance(3_000);
      expect(cluster.leader()).toBeDefined();
      cluster.restart(lost);
      cluster.advance(1_000);
    }
    for (const id of ['A', 'B', 'C', 'D', 'E', 'F', 'G']) {
      expect(cluster.get(id).raft.status().config).toEqual(configOf('A B C D E F G'));
      expect(cluster.get(id).digest).toBe(cluster.leader()!.digest);
    }
  });
});
