import { World } from './world.ts';

describe('elections', () => {
  test.each(['A', 'A B', 'A B C', 'A B C D E', 'A B C D E F G'])(
    '%s elect a leader and commit',
    (members) => {
      const world = World.of(members);
      world.advance(2_000);
      const leader = world.leader()!;
      expect(leader).toBeDefined();
      expect(world.propose1('x')).not.toBeNull();
      world.advance(200);
      for (const id of members.split(' ')) expect(world.values(id)).toEqual(['x']);
    },
  );
});
