import { seededRandom } from '@mqtt-cluster/kit';
import type { FaultPlan, FaultSlot } from '../src/nemesis/fault.ts';
import {
  linkFaultsWithKills,
  killsOfRemote,
  linkFaults,
  linkSlotsOfRound,
} from '../src/scenarios/link-faults.ts';
import { ClusterEnd } from '../src/targets/cluster-end.ts';

function take(plan: FaultPlan, count: number): FaultSlot[] {
  const slots: FaultSlot[] = [];
  for (const slot of plan) if (slots.push(slot) === count) break;
  return slots;
}

const kindsOf = (slots: readonly FaultSlot[]): string[] =>
  slots.map(({ faults }) =>
    faults
      .map(({ kind, runner, remote }) => `${kind} ${runner ? 'runner' : remote ? 'remote' : 'members'}`)
      .join(' + ')
      // The seed chooses between two faults of the connection.
      .replace(/^(cut|flap) remote \+/, 'network remote +'),
  );

const each = [
  'cut remote',
  'cut runner',
  'flap remote',
  'kill members',
  'kill runner',
  'network remote + kill runner',
  'one-way remote',
  'pause remote',
  'pause runner',
  'stop remote',
  'stop remote + kill runner',
  'stop runner',
];

describe('the scenario link-mosquitto', () => {
  it('has each fault of the runner, the members, mosquitto and the connection once in each round', () => {
    const slots = take(linkFaults(seededRandom(1, 'x'), 7), 2 * linkSlotsOfRound);
    const [first, second] = [slots.slice(0, linkSlotsOfRound), slots.slice(linkSlotsOfRound)].map(kindsOf);
    expect(first!.toSorted()).toEqual(each);
    expect(second!.toSorted()).toEqual(each);
    expect(second).not.toEqual(first);
  });

  it('never kills mosquitto, which would forget what it has acknowledged', () => {
    const faults = take(linkFaults(seededRandom(2, 'x'), 7), 100).flatMap((slot) => slot.faults);
    expect(faults.filter(({ kind, remote }) => kind === 'kill' && remote === true)).toEqual([]);
  });

  it('begins with a time in which the sessions at mosquitto are saved', () => {
    for (const plan of [linkFaults(seededRandom(1, 'x'), 3), killsOfRemote(seededRandom(1, 'x'))])
      expect(take(plan, 1)[0]!.faults[0]!.afterMs).toBeGreaterThanOrEqual(2_000);
  });
});

test('the scenarios link-cluster and link-jetstream have the same faults, with kills of the other end', () => {
  const slots = take(linkFaultsWithKills(seededRandom(1, 'x'), 7), linkSlotsOfRound);
  expect(kindsOf(slots).toSorted()).toEqual(
    each.map((kinds) => kinds.replace('stop remote', 'kill remote')).toSorted(),
  );
});

test('the scenario link-mosquitto-kill kills mosquitto in each slot, sometimes together with the runner of the link', () => {
  const kinds = kindsOf(take(killsOfRemote(seededRandom(1, 'x')), 20));
  expect(new Set(kinds)).toEqual(new Set(['kill remote', 'kill remote + kill runner']));
});

test('a process fault beyond the link of link-cluster affects each member in turn, and every fourth fault affects all', () => {
  const end = new ClusterEnd('unused');
  expect(Array.from({ length: 6 }, () => end.aim())).toEqual([[0], [1], [2], [0, 1, 2], [1], [2]]);
});
