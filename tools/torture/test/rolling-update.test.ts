import { seededRandom } from '@mqtt-cluster/kit';
import { readArguments } from '../src/arguments.ts';
import type { FaultSlot } from '../src/nemesis/fault.ts';
import { startsWithEarlierBuild, updateAndRollBack } from '../src/scenarios/rolling-update.ts';

const update = ['--scenario', 'rolling-update'];

describe('the scenario rolling-update', () => {
  it.each([1, 3, 5, 7])(
    'updates, rolls back and again updates a cluster of %i members, one member after another',
    (members) => {
      const slots: FaultSlot[] = [...updateAndRollBack(seededRandom(1, 'x'), members)];
      const all = Array.from({ length: members }, (_, member) => member);
      const builds = slots.flatMap(({ faults }) => faults.map(({ build }) => build));
      expect(builds).toEqual(['current', 'earlier', 'current']);
      const [first, ...rest] = slots.flatMap(({ faults }) =>
        faults.map(({ groups }) => groups.flat().sort()),
      );
      expect(first).toEqual(all.filter((member) => startsWithEarlierBuild(member, members)));
      expect(rest).toEqual([all, all]);
    },
  );

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
