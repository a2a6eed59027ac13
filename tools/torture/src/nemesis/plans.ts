import { between, pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { minorityOf } from './fault.ts';
import type { FaultKind, Group, Plan, PlannedFault, Slot } from './fault.ts';

const throttleBytesPerSecond = 125_000;
const slowDiskMs = 200;
const clockStepsMs = [5_000, -5_000, 3_600_000, -3_600_000] as const;
const staggerMsMax = 1_500;
/** A partition is shorter than the time in which clients of the minority fill a session's queue at the default rate. */
const holdMsMin = 2_500;
const holdMsMax = 6_000;
const recoveryMsMin = 1_000;
const recoveryMsMax = 3_000;
/** By then the minority is isolated and has given degraded acknowledgements. */
const isolatedMs = 4_500;

export type PlanMaker = (random: Random, members: number) => Plan;

function allMembers(members: number): number[] {
  return Array.from({ length: members }, (_, index) => index);
}

/** @returns random members, at most `count` */
function randomMembers(random: Random, members: number, count: number): Group {
  return shuffled(random, allMembers(members)).slice(0, count);
}

function slot(random: Random, ...faults: readonly PlannedFault[]): Slot {
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
 * Makes a plan that repeats one kind of fault on random members. @param counts possible numbers of members, of which
 * each fault draws one
 */
export function repeated(kind: FaultKind, counts: (members: number) => readonly number[]): PlanMaker {
  return function* (random, members) {
    for (;;) yield slot(random, fault(random, kind, members, pick(random, counts(members))));
  };
}

/** Every twentieth fault, starting with the second: a run of 18 s has one, too. */
const powerCycleEvery = 20;

/** Kills a minority in each slot, and all members in the second slot and in every twentieth after it. */
export function* powerCycles(random: Random, members: number): Plan {
  for (let faults = 1; ; faults++) {
    const count = faults % powerCycleEvery === 2 ? members : Math.max(minorityOf(members), 1);
    yield slot(random, fault(random, 'kill', members, count));
  }
}

/** Makes a plan that partitions the members at random. @param sizes of the partitions, `members` in total */
export function splits(sizes: (members: number) => readonly number[]): PlanMaker {
  return function* (random, members) {
    for (;;) yield slot(random, { kind: 'cut', groups: partitions(random, sizes(members), members) });
  };
}

function partitions(random: Random, sizes: readonly number[], members: number): Group[] {
  const order = shuffled(random, allMembers(members));
  let taken = 0;
  return sizes.map((size) => order.slice(taken, (taken += size))).filter((group) => group.length > 0);
}

/**
 * Isolates a minority and, after it has given degraded acknowledgements, kills all of its members or all but one. They
 * start after the heal.
 */
export function* islandKill(random: Random, members: number): Plan {
  for (;;) {
    const groups = partitions(random, halves(members), members);
    const minority = groups[0] ?? [];
    const killed = minority.slice(0, between(random, Math.max(minority.length - 1, 1), minority.length));
    const kill = { kind: 'kill', groups: [killed], afterMs: isolatedMs, staggerMs: 0 } as const;
    yield slot(random, { kind: 'cut', groups }, kill);
  }
}

/** Loses the packets of some members to all other members, or to some of them. */
export function* oneWay(random: Random, members: number): Plan {
  for (;;) yield slot(random, oneWayFault(random, members));
}

function oneWayFault(random: Random, members: number): PlannedFault {
  const order = shuffled(random, allMembers(members));
  const mutedCount = between(random, 1, Math.max(minorityOf(members), 1));
  const rest = order.slice(mutedCount);
  const receivers = random() < 0.5 ? rest : rest.slice(0, between(random, 1, rest.length));
  return { kind: 'one-way', groups: [order.slice(0, mutedCount), receivers] };
}

/** Restarts all members one after another, however long that takes. */
export function* rolling(random: Random, members: number): Plan {
  for (;;) {
    const groups = [shuffled(random, allMembers(members))];
    yield {
      faults: [{ kind: 'rolling', groups }],
      holdMs: 0,
      recoveryMs: between(random, recoveryMsMin, recoveryMsMax),
    };
  }
}

export const halves = (members: number): number[] => [Math.floor(members / 2), Math.ceil(members / 2)];

/** 3/3/1 of seven: no partition has a majority. */
export const twoAndOne = (members: number): number[] => {
  const half = Math.floor((members - 1) / 2);
  return [half, members - 1 - half, 1];
};

/** 2/2/3 of seven: no partition has a majority. */
export const thirds = (members: number): number[] => {
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
 * All kinds of faults, one or two at a time. Disks are wiped only without another fault, and at most of a minority:
 * otherwise messages with a degraded acknowledgement may be lost, which P1 allows.
 */
export function mixed(supportedFaults: ReadonlySet<FaultKind>): PlanMaker {
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
    const sizes = pick(random, [halves, twoAndOne, thirds, (all: number) => [1, all - 1]])(members);
    return { kind, groups: partitions(random, sizes, members) };
  }
  // Usually a minority, sometimes all members.
  const count = random() < 0.15 ? members : between(random, 1, Math.max(minorityOf(members), 1));
  return fault(random, kind, members, count);
}
