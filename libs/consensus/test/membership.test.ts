import { configOf } from './member.ts';
import { World } from './test-cluster.ts';

/** A cluster that A leads, and X outside of it. */
function ledByA(members: string, joiner?: { storeId: string }): World {
  const world = World.of(members);
  if (joiner !== undefined) world.add('X', { config: null, storeId: joiner.storeId });
  world.campaign('A');
  return world;
}

const x = { storeId: 'store-X-1' };

describe('changes of members (thesis, 4.1 to 4.4)', () => {
  test('a new member learns first and votes later', () => {
    const world = ledByA('A B C', x);
    world.propose('A', 'before');
    expect(world.config('A', 'A B C +X')).toEqual({ accepted: true });
    world.advance(200);
    expect(world.values('X')).toEqual(['before']);
    expect(world.get('X').role).toBe('learner');
    expect(world.config('A', 'A B C X')).toEqual({ accepted: true });
    world.advance(200);
    expect(world.get('X').role).toBe('follower');
    expect(world.get('X').events).toContainEqual({ kind: 'configChanged', config: configOf('A B C X') });
  });

  test('a learner neither counts nor campaigns', () => {
    const world = ledByA('A B', x);
    world.config('A', 'A B +X');
    world.advance(200);
    world.get('B').crash();
    world.propose('A', 'y');
    expect(world.values('X')).toEqual([]);
    world.get('A').crash();
    world.advance(5_000);
    expect(world.get('X').role).toBe('learner');
    expect(world.get('X').term).toBe(1);
  });

  test('one that was promoted without knowing it yet still gives its vote', () => {
    const world = ledByA('A B C', x);
    world.config('A', 'A B C +X');
    world.advance(200);
    world.drops = ({ to }) => to === 'X' || to === 'C';
    world.config('A', 'A B C X');
    world.heal();
    world.get('A').crash();
    expect(world.get('X').role).toBe('learner');
    // Three of the four are needed now.
    world.campaign('B');
    expect(world.get('B').role).toBe('leader');
    expect(world.get('X').role).toBe('follower');
  });

  test.each([
    ['not the leader', 'B', 'A B', 'not the leader'],
    ['two changes at once', 'A', 'A', 'more than one member'],
    ['no change', 'A', 'A B C', 'nothing would change'],
    ['a new voter', 'A', 'A B C X', 'must enter as a learner'],
    ['the new store of a voter as a voter', 'A', 'A B C:2', 'must enter as a learner'],
    ['a member twice', 'A', 'A B C C', 'named twice'],
    ['nobody left to vote', 'A', '+A', 'no voter'],
  ])('refused: %s', (_case, at, members, reason) => {
    const world = ledByA('A B C');
    const answer = world.config(at, members);
    expect(answer.accepted).toBe(false);
    expect(answer.reason).toContain(reason);
  });

  test('refused: while another change is pending, and before the first commit of the term', () => {
    const world = ledByA('A B C', x);
    world.partition('A', 'B C', 'X');
    expect(world.config('A', 'A B C +X').accepted).toBe(true);
    expect(world.get('A').raft.status().configChangePending).toBe(true);
    expect(world.config('A', 'A B').reason).toContain('not yet committed');
    world.heal();
    world.drops = ({ message }) => message.type === 'appendResponse';
    world.campaign('B');
    expect(world.get('B').role).toBe('leader');
    expect(world.config('B', 'A B C +X').reason).toContain('in its term');
  });

  test('refused: the promotion of one that has not caught up', () => {
    const world = ledByA('A B C', x);
    world.get('X').crash();
    world.config('A', 'A B C +X');
    expect(world.config('A', 'A B C X').reason).toContain('caught up');
  });

  test('refused: what would leave too few that answer, so that it could not even be taken back', () => {
    const world = ledByA('A B C D');
    world.get('D').crash();
    world.advance(1_000);
    expect(world.config('A', 'A B C')).toEqual({ accepted: true });
    world.restart('D');
    world.get('C').crash();
    world.advance(1_000);
    expect(world.config('A', 'A C').reason).toContain('answer');
    expect(world.config('A', 'A B')).toEqual({ accepted: true });
  });

  test('a change that is overwritten is undone', () => {
    const world = ledByA('A B C', x);
    world.partition('A', 'B C', 'X');
    world.config('A', 'A B C +X');
    expect(world.get('A').raft.status().config).toEqual(configOf('A B C +X'));
    world.campaign('B');
    world.heal();
    world.advance(1_000);
    expect(world.get('A').raft.status().config).toEqual(configOf('A B C'));
  });

  test('a leader that removes itself leads until that is committed, then another takes over at once', () => {
    const world = ledByA('A B C');
    world.config('A', 'B C');
    expect(world.get('A').role).toBe('none');
    expect(world.leader()?.id).toMatch(/[BC]/);
    world.propose1('x');
    expect(world.values('B')).toEqual(['x']);
    expect(world.values('A')).toEqual([]);
  });

  test('a leader that removes itself does not count itself any more', () => {
    const world = ledByA('A B C');
    world.partition('A B', 'C');
    world.config('A', 'B C');
    // B alone is no majority of B and C.
    expect(world.get('A').raft.status().configChangePending).toBe(true);
    world.heal();
    world.advance(600);
    expect(world.get('B').raft.status().config).toEqual(configOf('B C'));
    expect(world.get('B').raft.status().configChangePending).toBe(false);
  });

  test('a removed member that nobody told does not disturb the others', () => {
    const world = ledByA('A B C D');
    world.partition('A B C', 'D');
    world.config('A', 'A B C');
    world.heal();
    world.advance(5_000);
    expect(world.leader()?.id).toBe('A');
    expect(world.get('A').term).toBe(1);
    expect(world.get('D').role).not.toBe('leader');
    // Nor when they have no leader for a while: its log lacks its removal.
    world.get('A').crash();
    world.advance(3_000);
    expect(world.leader()?.id).toMatch(/[BC]/);
  });

  test('the only one that has its own removal still leads, to commit it (thesis, 4.2.2)', () => {
    const world = ledByA('A B');
    world.partition('A', 'B');
    world.config('A', 'B');
    world.get('A').crash();
    world.restart('A');
    world.heal();
    world.advance(3_000);
    expect(world.leader()?.id).toBe('B');
    expect(world.get('B').raft.status().config).toEqual(configOf('B'));
    expect(world.get('A').role).toBe('none');
  });

  test('a wiped disk comes back as a learner under its old name; its old word does not count', () => {
    const world = ledByA('A B C');
    world.propose('A', 'x');
    world.get('C').crash();
    world.members.delete('C');
    const wiped = world.add('C', { config: null, storeId: 'store-C-2' });
    world.advance(1_000);
    expect(wiped.role).toBe('none');
    expect(world.config('A', 'A B +C:2')).toEqual({ accepted: true });
    world.advance(300);
    expect(wiped.role).toBe('learner');
    expect(world.values('C')).toEqual(['x']);
    expect(world.get('A').raft.status().match['C']).toBe(3);
    expect(world.config('A', 'A B C:2')).toEqual({ accepted: true });
    world.advance(200);
    expect(wiped.role).toBe('follower');
  });

  test('seven to five and back, with a leader lost in each step', () => {
    const world = World.of('A B C D E F G');
    world.advance(2_000);
    const steps = [
      'B C D E F G',
      'C D E F G',
      'C D E F G +A',
      'A C D E F G',
      'A C D E F G +B',
      'A B C D E F G',
    ];
    for (const [at, members] of steps.entries()) {
      world.propose1(`${at}`);
      expect(world.config(world.leader()!.id, members)).toEqual({ accepted: true });
      world.advance(300);
      const lost = world.leader()!.id;
      world.get(lost).crash();
      world.advance(3_000);
      expect(world.leader()).toBeDefined();
      world.restart(lost);
      world.advance(1_000);
    }
    for (const id of ['A', 'B', 'C', 'D', 'E', 'F', 'G']) {
      expect(world.get(id).raft.status().config).toEqual(configOf('A B C D E F G'));
      expect(world.get(id).chain).toBe(world.leader()!.chain);
    }
  });
});
