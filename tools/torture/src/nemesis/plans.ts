import { between, pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { minorityOf } from './fault.ts';
import type { FaultKind, MemberGroup, FaultPlan, PlannedFault, FaultSlot } from './fault.ts';

const throttleBytesPerSecond = 125_000;
const slowDiskMs = 200;
const clockStepsMs = [5_000, -5_000, 3_600_000, -3_600_000] as const;
const staggerMsMax = 1_500;
/**
 * Bounds of a fault's duration, ms. At the default rate no queue of a session reaches its bound in this time.
 */
const holdMsMin = 2_500;
const holdMsMax = 6_000;
const recoveryMsMin = 1_000;
const recoveryMsMax = 3_000;
/** Duration of an isolation after which the isolated minority has sent degraded acknowledgements, ms. */
const isolatedMs = 4_500;

/** Creates the plan of a scenario for a number of members. */
export type FaultPlanMaker = (random: Random, members: number) => FaultPlan;

function allMembers(members: number): number[] {
  return Array.from({ length: members }, (_, index) => index);
}

/** @returns random members, at most `count` */
function randomMembers(random: Random, members: number, count: number): MemberGroup {
  return shuffled(random, allMembers(members)).slice(0, count);
}

function slot(random: Random, ...faults: readonly PlannedFault[]): FaultSlot {
  return {
    faults,
    holdMs: between(random, holdMsMin, holdMsMax),
    recoveryMs: between(random, recoveryMsMin, recoveryMsMax),
  };
}

function fault(random: Random, kind: FaultKind, members: number, count: number): PlannedFault {
  const group = randomMembers(random, members, count);
  return { kind, groups: [group], ...valueOf(random, kind) };
}

function valueOf(random: Random, kind: FaultKind): Pick<PlannedFault, 'value' | 'staggerMs'> {
  switch (kind) {
    case 'kill':
    case 'stop':
      return { staggerMs: random() < 0.5 ? 0 : between(random, 50, staggerMsMax) };
    case 'wipe':
      return { staggerMs: 0 };
    case 'throttle':
      return { value: throttleBytesPerSecond };
    case 'slow-disk':
      return { value: slowDiskMs };
    case 'clock':
      return { value: pick(random, clockStepsMs) };
    default:
      return {};
  }
}

/**
 * Creates a plan that repeats one kind of fault on random members.
 * @param counts returns the possible numbers of affected members; each fault draws one of them
 */
export function repeatFault(kind: FaultKind, counts: (members: number) => readonly number[]): FaultPlanMaker {
  return function* (random, members) {
    for (;;) yield slot(random, fault(random, kind, members, pick(random, counts(members))));
  };
}

/**
 * Number of slots from one kill of all members to the next. The first kill of all members is in the second
 * slot, so that a run of 18 s contains it.
 */
const powerCycleEvery = 20;

/** Kills a minority in each slot, and all members in the second slot and in every twentieth after it. */
export function* powerCycles(random: Random, members: number): FaultPlan {
  for (let faults = 1; ; faults++) {
    const count = faults % powerCycleEvery === 2 ? members : Math.max(minorityOf(members), 1);
    yield slot(random, fault(random, 'kill', members, count));
  }
}

/** Creates a plan that partitions the members at random. @param sizes returns the sizes of the partitions */
export function repeatPartition(sizes: (members: number) => readonly number[]): FaultPlanMaker {
  return function* (random, members) {
    for (;;) yield slot(random, { kind: 'cut', groups: partitions(random, sizes(members), members) });
  };
}

function partitions(random: Random, sizes: readonly number[], members: number): MemberGroup[] {
  const order = shuffled(random, allMembers(members));
  let taken = 0;
  return sizes.map((size) => order.slice(taken, (taken += size))).filter((group) => group.length > 0);
}

/**
 * Isolates a minority. After the minority has sent degraded acknowledgements, the plan kills all of its
 * members, or all except one. The killed members start again after the partition has healed.
 */
export function* killIsolatedMinority(random: Random, members: number): FaultPlan {
  for (;;) {
    const groups = partitions(random, sizesOfHalves(members), members);
    const minority = groups[0] ?? [];
    const killed = minority.slice(0, between(random, Math.max(minority.length - 1, 1), minority.length));
    const kill = { kind: 'kill', groups: [killed], afterMs: isolatedMs, staggerMs: 0 } as const;
    yield slot(random, { kind: 'cut', groups }, kill);
  }
}

/** Drops the packets that some members send to all other members, or to some of the other members. */
export function* oneWayLosses(random: Random, members: number): FaultPlan {
  for (;;) yield slot(random, oneWayFault(random, members));
}

function oneWayFault(random: Random, members: number): PlannedFault {
  const order = shuffled(random, allMembers(members));
  const mutedCount = between(random, 1, Math.max(minorityOf(members), 1));
  const rest = order.slice(mutedCount);
  const receivers = random() < 0.5 ? rest : rest.slice(0, between(random, 1, rest.length));
  return { kind: 'one-way', groups: [order.slice(0, mutedCount), receivers] };
}

/** Restarts all members one after another. A restart is not interrupted at the end of the run. */
export function* rollingRestarts(random: Random, members: number): FaultPlan {
  for (;;) {
    const groups = [shuffled(random, allMembers(members))];
    yield {
      faults: [{ kind: 'rolling', groups }],
      holdMs: 0,
      recoveryMs: between(random, recoveryMsMin, recoveryMsMax),
    };
  }
}

/** Returns the sizes of two partitions, 3 and 4 for seven members. The larger partition has a majority. */
export const sizesOfHalves = (members: number): number[] => [Math.floor(members / 2), Math.ceil(members / 2)];

/** Returns the sizes of three partitions, 3, 3 and 1 for seven members. No partition has a majority. */
export const sizesOfTwoHalvesAndOne = (members: number): number[] => {
  const half = Math.floor((members - 1) / 2);
  return [half, members - 1 - half, 1];
};

/** Returns the sizes of three partitions, 2, 2 and 3 for seven members. No partition has a majority. */
export const sizesOfThirds = (members: number): number[] => {
  const third = Math.floor(members / 3);
  return [third, third, members - 2 * third];
};

const processFaults = ['kill', 'kill', 'stop', 'pause'] as const;
const networkFaults = ['cut', 'cut', 'one-way', 'flap', 'slow', 'throttle'] as const;
const hostFaults = ['full-disk', 'slow-disk', 'clock'] as const;
const wipeShare = 0.08;
const rollingShare = 0.05;
const togetherShare = 0.4;

/**
 * Creates a plan with all kinds of faults, one or two at a time. It wipes the disks of at most a minority,
 * and only without another fault. Otherwise messages with a degraded acknowledgement may be lost, which P1
 * allows.
 */
export function mixedFaults(supportedFaults: ReadonlySet<FaultKind>): FaultPlanMaker {
  return function* (random, members) {
    const supported = <K extends FaultKind>(kinds: readonly K[]): K[] =>
      kinds.filter((kind) => supportedFaults.has(kind));
    const pools = [supported(processFaults), supported(networkFaults), supported(hostFaults)].filter(
      ({ length }) => length > 0,
    );
    if (pools.length === 0) return;
    for (;;) {
      const draw = random();
      if (draw < wipeShare && supportedFaults.has('wipe') && minorityOf(members) > 0) {
        yield slot(random, fault(random, 'wipe', members, between(random, 1, minorityOf(members))));
      } else if (draw > 1 - rollingShare && supportedFaults.has('rolling')) {
        yield { faults: [rollingFault(random, members)], holdMs: 0, recoveryMs: recoveryMsMin };
      } else {
        const chosen = shuffled(random, pools).slice(0, random() < togetherShare ? 2 : 1);
        yield slot(random, ...chosen.map((pool) => anyFault(random, pick(random, pool), members)));
      }
    }
  };
}

function rollingFault(random: Random, members: number): PlannedFault {
  return { kind: 'rolling', groups: [shuffled(random, allMembers(members))] };
}

function anyFault(random: Random, kind: FaultKind, members: number): PlannedFault {
  if (kind === 'one-way') return oneWayFault(random, members);
  if (kind === 'cut') {
    const sizes = pick(random, [
      sizesOfHalves,
      sizesOfTwoHalvesAndOne,
      sizesOfThirds,
      (all: number) => [1, all - 1],
    ])(members);
    return { kind, groups: partitions(random, sizes, members) };
  }
  // The fault usually affects a minority, and sometimes all members.
  const count = random() < 0.15 ? members : between(random, 1, Math.max(minorityOf(members), 1));
  return fault(random, kind, members, count);
}
