import { lanTimings } from '../src/index.ts';
import { World } from './test-cluster.ts';

function ledByA(members = 'A B C'): World {
  const world = World.of(members);
  world.campaign('A');
  world.propose('A', 'x');
  return world;
}

/** Lets A ask for it and everything settle. */
function transfer(world: World, to?: string): void {
  world.get('A').raft.transferLeadership(to);
  world.settle();
}

describe('leadership transfer (thesis, 3.10)', () => {
  test('to a follower that is up to date, at once and though everybody hears the leader', () => {
    const world = ledByA();
    transfer(world, 'B');
    expect(world.leader()?.id).toBe('B');
    expect(world.get('A').role).toBe('follower');
    world.propose('B', 'y');
    expect(world.values('C')).toEqual(['x', 'y']);
  });

  test('to whom it may be: the one that has most and answers', () => {
    const world = ledByA('A B C D E');
    world.drops = ({ to }) => to === 'B' || to === 'C';
    world.propose('A', 'y');
    world.heal();
    transfer(world);
    expect(world.leader()?.id).toMatch(/[DE]/);
  });

  test('a follower that lags gets the rest of the log first', () => {
    const world = ledByA();
    world.get('C').crash();
    for (let count = 0; count < 40; count += 1) world.propose('A', 'x'.repeat(200));
    world.restart('C');
    transfer(world, 'C');
    world.advance(500);
    expect(world.leader()?.id).toBe('C');
    expect(world.get('C').commit).toBeGreaterThan(41);
  });

  test('a follower that needs a snapshot gets it first', () => {
    const world = ledByA();
    world.get('C').crash();
    for (let count = 0; count < 10; count += 1) world.propose('A', `${count}`);
    world.get('A').compact(0);
    world.restart('C');
    transfer(world, 'C');
    world.advance(600);
    expect(world.get('C').restores).toBe(1);
    expect(world.leader()?.id).toBe('C');
  });

  test.each(['A', 'D', 'X'])('to itself, a learner or a stranger (%s): nothing happens', (to) => {
    const world = ledByA();
    world.add('D', { config: null });
    world.config('A', 'A B C +D');
    world.advance(100);
    transfer(world, to);
    expect(world.get('A').raft.status().transferring).toBeNull();
    expect(world.propose('A', 'y')).not.toBeNull();
  });

  test('nothing is proposed meanwhile; given up after an election time-out', () => {
    const world = ledByA();
    world.get('C').crash();
    transfer(world, 'C');
    expect(world.get('A').raft.status().transferring).toBe('C');
    expect(world.propose('A', 'y')).toBeNull();
    expect(world.config('A', 'A B').accepted).toBe(false);
    world.advance(lanTimings.electionMsMax + 10);
    expect(world.get('A').raft.status().transferring).toBeNull();
    expect(world.propose('A', 'y')).not.toBeNull();
    expect(world.get('A').term).toBe(1);
  });

  test('another target replaces the first', () => {
    const world = ledByA();
    world.get('C').crash();
    transfer(world, 'C');
    transfer(world, 'B');
    expect(world.leader()?.id).toBe('B');
  });

  test('the request is repeated when it is lost', () => {
    const world = ledByA();
    let lost = 0;
    world.drops = ({ message }) => message.type === 'timeoutNow' && (lost += 1) === 1;
    transfer(world, 'B');
    expect(world.leader()?.id).toBe('A');
    world.advance(200);
    expect(world.leader()?.id).toBe('B');
  });

  test('somebody else elected meanwhile ends it', () => {
    const world = ledByA();
    world.drops = ({ message }) => message.type === 'timeoutNow';
    transfer(world, 'C');
    world.campaign('B');
    expect(world.leader()?.id).toBe('B');
    expect(world.get('A').raft.status().transferring).toBeNull();
  });

  test('a request of an older term, or from one that does not lead, is ignored', () => {
    const world = ledByA();
    const message = { type: 'timeoutNow', storeId: 'store-B-1', toStoreId: 'store-C-1' } as const;
    world.deliver({ from: 'B', to: 'C', message: { ...message, term: 1 } });
    world.deliver({ from: 'A', to: 'C', message: { ...message, storeId: 'store-A-1', term: 0 } });
    world.settle();
    expect(world.leader()?.id).toBe('A');
  });
});
