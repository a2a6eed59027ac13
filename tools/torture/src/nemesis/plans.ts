import { between, pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { minorityOf } from './fault.ts';
import type { FaultKind, Group, Plan, PlannedFault, Slot } from './fault.ts';

const throttleBytesPerSecond = 125_000;
const slowDiskMs = 200;
const clockStepsMs = [5_000, -5_000, 3_600_000, -3_600_000] as const;
const staggerMsMax = 1_500;
/** A split lasts less than a minority's clients need to fill a queue to its bound at the default rate. */
const holdMsMin = 2_500;
const holdMsMax = 6_000;
const peaceMsMin = 1_000;
const peaceMsMax = 3_000;
/** By then a minority finds itself isolated, and has accepted messages on its own. */
const isolatedMs = 4_500;

export type PlanMaker = (random: Random, members: number) => Plan;

function everybody(members: number): number[] {
  return Array.from({ length: members }, (_, index) => index);
}

/** So many members at random, fewer if there are not so many. */
function some(random: Random, members: number, count: number): Group {
  return shuffled(random, everybody(members)).slice(0, count);
}

function slot(random: Random, ...faults: readonly PlannedFault[]): Slot {
  return {
    faults,
    holdMs: between(random, holdMsMin, holdMsMax),
    peaceMs: between(random, peaceMsMin, peaceMsMax),
  };
}

function fault(random: Random, kind: FaultKind, members: number, count: number): PlannedFault {
  const group = some(random, members, count);
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

/** The same kind again and again, on other members each time. @param counts of members, one of them drawn. */
export function repeated(kind: FaultKind, counts: (members: number) => readonly number[]): PlanMaker {
  return function* (random, members) {
    for (;;) yield slot(random, fault(random, kind, members, pick(random, counts(members))));
  };
}

/** In a run of 18 s the second fault is one, too. */
const powerCycleEvery = 20;

/** A minority, again and again, and all of them at the second fault and at every twentieth after it. */
export function* powerCycles(random: Random, members: number): Plan {
  for (let faults = 1; ; faults++) {
    const count = faults % powerCycleEvery === 2 ? members : Math.max(minorityOf(members), 1);
    yield slot(random, fault(random, 'kill', members, count));
  }
}

/** Parts into islands of these sizes, drawn anew each time. @param sizes of `members` in all. */
export function splits(sizes: (members: number) => readonly number[]): PlanMaker {
  return function* (random, members) {
    for (;;) yield slot(random, { kind: 'cut', groups: islands(random, sizes(members), members) });
  };
}

function islands(random: Random, sizes: readonly number[], members: number): Group[] {
  const order = shuffled(random, everybody(members));
  let taken = 0;
  return sizes.map((size) => order.slice(taken, (taken += size))).filter((group) => group.length > 0);
}

/** A minority is cut off and, when it has taken messages on its own, killed but for one at most; it starts after the heal. */
export function* islandKill(random: Random, members: number): Plan {
  for (;;) {
    const groups = islands(random, halves(members), members);
    const island = groups[0] ?? [];
    const killed = island.slice(0, between(random, Math.max(island.length - 1, 1), island.length));
    const kill = { kind: 'kill', groups: [killed], afterMs: isolatedMs, staggerMs: 0 } as const;
    yield slot(random, { kind: 'cut', groups }, kill);
  }
}

/** Some are not heard, by the rest or by some of it. */
export function* oneWay(random: Random, members: number): Plan {
  for (;;) yield slot(random, oneWayFault(random, members));
}

function oneWayFault(random: Random, members: number): PlannedFault {
  const order = shuffled(random, everybody(members));
  const unheard = between(random, 1, Math.max(minorityOf(members), 1));
  const rest = order.slice(unheard);
  const deaf = random() < 0.5 ? rest : rest.slice(0, between(random, 1, rest.length));
  return { kind: 'one-way', groups: [order.slice(0, unheard), deaf] };
}

/** One by one, all of them; that takes as long as it takes. */
export function* rolling(random: Random, members: number): Plan {
  for (;;) {
    const groups = [shuffled(random, everybody(members))];
    yield {
      faults: [{ kind: 'rolling', groups }],
      holdMs: 0,
      peaceMs: between(random, peaceMsMin, peaceMsMax),
    };
  }
}

export const halves = (members: number): number[] => [Math.floor(members / 2), Math.ceil(members / 2)];

/** 3/3/1 of seven: nobody has a majority. */
export const twoAndOne = (members: number): number[] => {
  const half = Math.floor((members - 1) / 2);
  return [half, members - 1 - half, 1];
};

/** 2/2/3 of seven: nobody has a majority. */
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
 * Everything, one or two kinds at a time. Disks are wiped only while all is well otherwise, and never of more than a
 * minority: what only they had acked would be gone, which P1 excepts.
 */
export function mixed(can: ReadonlySet<FaultKind>): PlanMaker {
  return function* (random, members) {
    const able = <K extends FaultKind>(kinds: readonly K[]): K[] => kinds.filter((kind) => can.has(kind));
    const pools = [able(processFaults), able(networkFaults), able(hostFaults)].filter(
      ({ length }) => length > 0,
    );
    if (pools.length === 0) return;
    for (;;) {
      const draw = random();
      if (draw < wipeShare && can.has('wipe') && minorityOf(members) > 0) {
        yield slot(random, fault(random, 'wipe', members, between(random, 1, minorityOf(members))));
      } else if (draw > 1 - rollingShare && can.has('rolling')) {
        yield { faults: [rollingFault(random, members)], holdMs: 0, peaceMs: peaceMsMin };
      } else {
        const chosen = shuffled(random, pools).slice(0, random() < togetherShare ? 2 : 1);
        yield slot(random, ...chosen.map((pool) => anyFault(random, pick(random, pool), members)));
      }
    }
  };
}

function rollingFault(random: Random, members: number): PlannedFault {
  return { kind: 'rolling', groups: [shuffled(random, everybody(members))] };
}

function anyFault(random: Random, kind: FaultKind, members: number): PlannedFault {
  if (kind === 'one-way') return oneWayFault(random, members);
  if (kind === 'cut') {
    const sizes = pick(random, [halves, twoAndOne, thirds, (all: number) => [1, all - 1]])(members);
    return { kind, groups: islands(random, sizes, members) };
  }
  // Mostly few, now and then all of them.
  const count = random() < 0.15 ? members : between(random, 1, Math.max(minorityOf(members), 1));
  return fault(random, kind, members, count);
}
