import { minorityOf } from '../src/nemesis/fault.ts';
import { faultKinds } from '../src/nemesis/fault.ts';
import type { FaultKind, FaultSlot } from '../src/nemesis/fault.ts';
import { sizesOfHalves, sizesOfThirds, sizesOfTwoHalvesAndOne } from '../src/nemesis/plans.ts';
import { seededRandom } from '@mqtt-cluster/kit';
import { quietTimes } from '@mqtt-cluster/workload';
import { scenarios } from '../src/scenarios/scenarios.ts';

const everything: ReadonlySet<FaultKind> = new Set(faultKinds);

function slotsOf(name: string, seed: number, members: number, count: number, can = everything): FaultSlot[] {
  const scenario = scenarios.find((each) => each.name === name);
  const plan = scenario?.plan?.(can)(seededRandom(seed, name), members);
  const slots: FaultSlot[] = [];
  for (let index = 0; index < count; index++) {
    const slot = plan?.next().value;
    if (slot === undefined) break;
    slots.push(slot);
  }
  return slots;
}

const faulty = scenarios.filter(({ plan }) => plan !== null).map(({ name }) => name);

describe.each(faulty)('plan %s', (name) => {
  it('is equal for equal seeds and different for different seeds', () => {
    expect(slotsOf(name, 1, 7, 50)).toEqual(slotsOf(name, 1, 7, 50));
    expect(slotsOf(name, 1, 7, 50)).not.toEqual(slotsOf(name, 2, 7, 50));
  });

  it.each([1, 2, 3, 5, 7])(
    'affects only existing members of a cluster of %i members, and each member at most once in a fault',
    (members) => {
      const slots = slotsOf(name, 3, members, 50);
      const wrong = slots
        .flatMap(({ faults }) => faults)
        .filter(({ groups }) => {
          const all = groups.flat();
          const twice = new Set(all).size !== all.length;
          return all.length === 0 || twice || all.some((member) => member < 0 || member >= members);
        });
      expect(slots.filter(({ faults }) => faults.length === 0)).toEqual([]);
      expect(wrong).toEqual([]);
    },
  );

  it.each([3, 5, 7])(
    'wipes the disks of at most a minority of %i members, and no other fault is active during a wipe',
    (members) => {
      const excessive = slotsOf(name, 4, members, 500).filter(({ faults }) => {
        const wiped = faults.filter(({ kind }) => kind === 'wipe').flatMap(({ groups }) => groups.flat());
        return wiped.length > minorityOf(members) || (wiped.length > 0 && faults.length > 1);
      });
      expect(excessive).toEqual([]);
    },
  );

  it('contains only faults that the target supports', () => {
    const needs = scenarios.find((each) => each.name === name)?.needs ?? [];
    const can = new Set<FaultKind>(['kill', 'pause', ...needs]);
    const asked = slotsOf(name, 5, 3, 200, can).flatMap(({ faults }) => faults.map(({ kind }) => kind));
    expect([...new Set(asked)].filter((kind) => !can.has(kind))).toEqual([]);
  });
});

describe('plan mixed', () => {
  it('contains every kind of fault, both alone and together with another fault', () => {
    const slots = slotsOf('mixed', 6, 7, 2_000);
    const kinds = new Set(slots.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
    expect([...everything].filter((kind) => !kinds.has(kind))).toEqual([]);
    expect(slots.some(({ faults }) => faults.length === 2)).toBe(true);
    const killed = slots.flatMap(({ faults }) =>
      faults.filter(({ kind }) => kind === 'kill').map(({ groups }) => groups.flat().length),
    );
    expect(Math.max(...killed)).toBe(7);
    expect(Math.min(...killed)).toBe(1);
  });

  it('has no slots for a target that supports no fault', () => {
    expect(slotsOf('mixed', 7, 7, 1, new Set())).toEqual([]);
  });
});

describe('plan island-kill', () => {
  it('kills only members of the isolated minority, more than 2 s after the partition began', () => {
    for (const { faults } of slotsOf('island-kill', 9, 7, 50)) {
      const [cut, kill] = faults;
      expect(kill?.groups.flat().filter((member) => !cut?.groups[0]?.includes(member))).toEqual([]);
      expect(kill?.groups.flat().length).toBeGreaterThan(0);
      expect(kill?.afterMs).toBeGreaterThan(2_000);
    }
  });
});

describe('the plans with partitions', () => {
  it('divide seven members into partitions of the sizes in the name of the scenario', () => {
    expect(sizesOfHalves(7)).toEqual([3, 4]);
    expect(sizesOfTwoHalvesAndOne(7)).toEqual([3, 3, 1]);
    expect(sizesOfThirds(7)).toEqual([2, 2, 3]);
    for (const { faults } of slotsOf('split-3-3-1', 8, 7, 20)) {
      expect(faults.flatMap(({ groups }) => groups.map(({ length }) => length))).toEqual([3, 3, 1]);
    }
  });
});

describe('plan quiet-stop', () => {
  it.each([
    [7, 3],
    [3, 1],
    [1, 0],
  ])(
    'of %i members kills %i leaders, then ends all members for as long as the workload needs',
    (members, kills) => {
      const [slot, ...others] = slotsOf('quiet-stop', 10, members, 50);
      const faults = slot?.faults ?? [];
      expect(faults.slice(0, -1).map(({ kind, leader }) => [kind, leader])).toEqual(
        Array(kills).fill(['kill', true]),
      );
      expect(faults.at(-1)?.groups.flat()).toHaveLength(members);
      const stopAtMs = faults.reduce((sum, { afterMs = 0 }) => sum + afterMs, 0);
      expect(Math.abs(stopAtMs - quietTimes.stopMs)).toBeLessThan(1_000);
      expect(slot?.holdMs).toBe(quietTimes.stoppedMs);
      expect(others).toEqual([]);
    },
  );
});
