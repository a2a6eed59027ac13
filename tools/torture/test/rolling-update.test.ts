import { seededRandom } from '@mqtt-cluster/kit';
import { readArguments } from '../src/arguments.ts';
import type { FaultSlot } from '../src/nemesis/fault.ts';
import { startsWithEarlierBuild, updateAndRollBack } from '../src/scenarios/rolling-update.ts';

const update = ['--scenario', 'rolling-update'];

describe('the scenario rolling-update', () => {
  it.each([3, 5, 7])(
    'updates all of %i members but one, rolls the updated members back, and updates all members',
    (members) => {
      const slots: FaultSlot[] = [...updateAndRollBack(seededRandom(1, 'x'), members)];
      const all = Array.from({ length: members }, (_, member) => member);
      const builds = slots.flatMap(({ faults }) => faults.map(({ build }) => build));
      expect(builds).toEqual(['current', 'earlier', 'current']);
      const [updated = [], rolledBack = [], last] = slots.flatMap(({ faults }) =>
        faults.map(({ groups }) => groups.flat().sort()),
      );
      const earlier = all.filter((member) => startsWithEarlierBuild(member, members));
      const excepted = earlier.filter((member) => !updated.includes(member));
      expect(excepted.length).toBe(1);
      expect(updated).toEqual(earlier.filter((member) => !excepted.includes(member)));
      expect(rolledBack).toEqual(all.filter((member) => !excepted.includes(member)));
      expect(last).toEqual(all);
    },
  );

  it('only updates a cluster of one member, because its program alone decides about the semantics version', () => {
    const slots: FaultSlot[] = [...updateAndRollBack(seededRandom(1, 'x'), 1)];
    const faults = slots.flatMap((slot) => slot.faults);
    expect(faults).toMatchObject([{ build: 'current', groups: [[0]] }]);
  });

  it('leaves at least one member with the earlier build until the last update, whatever the seed', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const running = Array.from({ length: 7 }, (_, member) => startsWithEarlierBuild(member, 7));
      const slots = [...updateAndRollBack(seededRandom(seed, 'x'), 7)].slice(0, -1);
      for (const { build, groups } of slots.flatMap(({ faults }) => faults)) {
        for (const member of groups.flat()) {
          running[member] = build === 'earlier';
          expect(running).toContain(true);
        }
      }
    }
  });

  it('has equal plans for equal seeds and different plans for different seeds', () => {
    const planOf = (seed: number): FaultSlot[] => [...updateAndRollBack(seededRandom(seed, 'x'), 7)];
    expect(planOf(1)).toEqual(planOf(1));
    expect(planOf(1)).not.toEqual(planOf(2));
  });

  it('is selected by its name, and is not part of "all"', () => {
    expect(readArguments([...update, '--from', 'HEAD'])).toMatchObject({ from: 'HEAD' });
    const names = readArguments(['--scenario', 'all']).scenarios.map(({ name }) => name);
    expect(names).not.toContain('rolling-update');
  });

  it.each([
    [update, 'rolling-update needs --from COMMIT'],
    [['--from', 'HEAD'], '--from is for --scenario rolling-update alone'],
    [
      ['--scenario', 'calm,rolling-update', '--from', 'HEAD'],
      '--from is for --scenario rolling-update alone',
    ],
    [[...update, '--from', 'HEAD', '--target', 'nats'], '--from is for --target lab only'],
  ])('rejects the command line %j: %s', (argv, reason) => {
    expect(() => readArguments(argv)).toThrow(reason);
  });
});
