import type { FaultKind } from '../nemesis/fault.ts';
import { minorityOf } from '../nemesis/fault.ts';
import {
  halves,
  islandKill,
  mixed,
  oneWay,
  powerCycles,
  repeated,
  rolling,
  splits,
  thirds,
  twoAndOne,
} from '../nemesis/plans.ts';
import type { PlanMaker } from '../nemesis/plans.ts';
import { updateAndRollBack } from './rolling-update.ts';
import type { Shares, WorkloadName } from '@mqtt-cluster/workload';

export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly shares: Shares;
  /** Without these it can't be done at all. */
  readonly needs: readonly FaultKind[];
  /** Rules that must have had something to judge; without that a run is no proof. */
  readonly exercises: readonly string[];
  /** The plan has an end, and a run carries it out to its end, even when that takes longer than `--for`. */
  readonly completesPlan?: boolean;
  /** Null: no faults. */
  readonly plan: ((can: ReadonlySet<FaultKind>) => PlanMaker) | null;
}

const everything: Shares = {
  stream: 0.4,
  roaming: 0.2,
  takeover: 0.05,
  retained: 0.1,
  wills: 0,
  shared: 0.15,
  churn: 0.1,
};

/** With anything that publishes and comes back. */
const always = ['acked-but-lost', 'qos2-duplicate', 'order', 'phantom'] as const;
/** Where somebody is always left in peace. */
const inPeace = ['served', 'qos0-lost'] as const;
const ofEverything = [...always, 'session-lost', 'retained', 'ack-taken-back', 'two-connections'] as const;

/** Where nobody is served for half of the time, no two may have raced. */
const ofOutages = ofEverything.filter((rule) => rule !== 'two-connections');

const ofFocus: Readonly<Partial<Record<WorkloadName, readonly string[]>>> = {
  roaming: ['session-lost'],
  takeover: ['two-connections'],
  wills: ['will'],
  retained: ['retained', 'ack-taken-back'],
};

function faulty(
  name: FaultKind | string,
  kind: FaultKind,
  about: string,
  plan: PlanMaker,
  exercises: readonly string[] = ofEverything,
): Scenario {
  return { name, about, shares: everything, needs: [kind], exercises, plan: () => plan };
}

const one = (): number[] => [1];
const minority = (members: number): number[] => [Math.max(minorityOf(members), 1)];
const upToMinority = (members: number): number[] =>
  Array.from({ length: Math.max(minorityOf(members), 1) }, (_, index) => index + 1);
const all = (members: number): number[] => [members];
const oneToAll = (members: number): number[] => [1, Math.max(minorityOf(members), 1), members];
const oneOrAll = (members: number): number[] => [1, 1, members];

/** One workload in the middle, others beside it, and members killed now and then where the target can. */
function focused(
  name: string,
  about: string,
  workload: WorkloadName,
  counts: (members: number) => number[] = one,
): Scenario {
  const shares: Shares = { stream: 0.3, [workload]: 0.7 };
  return {
    name,
    about,
    shares,
    needs: [],
    exercises: [...always, ...inPeace, ...(ofFocus[workload] ?? [])],
    plan: (can) => (can.has('kill') ? repeated('kill', counts) : function* () {}),
  };
}

/** All scenarios, in the order in which `all` runs them. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'calm',
    about: 'no faults',
    shares: everything,
    needs: [],
    exercises: [...ofEverything, ...inPeace],
    plan: null,
  },
  faulty('kill-one', 'kill', 'one member killed (kill -9), again and again', repeated('kill', one)),
  faulty('kill-three', 'kill', 'a minority killed together', repeated('kill', minority)),
  faulty(
    'kill-all',
    'kill',
    'all killed at once (what the kernel has is still written), started in any order',
    repeated('kill', all),
    ofOutages,
  ),
  faulty(
    'power-cycle',
    'kill',
    'a minority killed every few seconds, and now and then all',
    powerCycles,
    ofOutages,
  ),
  faulty('pause', 'pause', 'members paused (SIGSTOP), and woken', repeated('pause', upToMinority)),
  faulty('split-3-4', 'cut', 'a majority and a minority', splits(halves)),
  faulty('split-3-3-1', 'cut', 'three islands without a majority', splits(twoAndOne)),
  faulty('split-2-2-3', 'cut', 'three islands without a majority', splits(thirds)),
  {
    name: 'island-kill',
    about: 'a minority that is cut off and has accepted messages, killed',
    shares: everything,
    needs: ['cut', 'kill'],
    exercises: ofEverything,
    plan: () => islandKill,
  },
  faulty('one-way', 'one-way', 'members that hear but are not heard', oneWay),
  faulty('flap', 'flap', 'links that fail and come back every second', repeated('flap', upToMinority)),
  faulty('slow', 'slow', 'links with 100±50 ms and 1 % loss', repeated('slow', oneToAll)),
  faulty('throttle', 'throttle', 'links of 1 Mbit/s', repeated('throttle', oneOrAll)),
  faulty('full-disk', 'full-disk', 'disks without room', repeated('full-disk', upToMinority)),
  faulty('slow-disk', 'slow-disk', 'disks that take 200 ms longer', repeated('slow-disk', upToMinority)),
  faulty(
    'wipe',
    'wipe',
    'disks replaced by empty ones, of a minority at most',
    repeated('wipe', upToMinority),
  ),
  faulty('clock', 'clock', 'wall clocks that step by seconds and hours', repeated('clock', upToMinority)),
  faulty('rolling-restart', 'rolling', 'all members stopped and started one by one', rolling),
  focused('roaming', 'sessions that go from server to server', 'roaming'),
  focused('takeover', 'two or three race for a client id', 'takeover'),
  focused('wills', 'clients that die in every way', 'wills', minority),
  focused('retained', 'few topics set and cleared through many servers', 'retained'),
  focused('shared', 'groups whose members come and go', 'shared'),
  {
    name: 'mixed',
    about: 'all faults, one or two at a time',
    shares: everything,
    needs: [],
    exercises: ofEverything,
    plan: mixed,
  },
];

/** Not part of `all`, because it needs a commit (`--from`). */
export const rollingUpdate: Scenario = {
  name: 'rolling-update',
  about: 'update from the commit of --from to this tree, rollback, update again, member by member',
  shares: everything,
  needs: ['rolling'],
  exercises: ofEverything,
  completesPlan: true,
  plan: () => updateAndRollBack,
};

export function findScenario(name: string): Scenario | undefined {
  return [...scenarios, rollingUpdate].find((scenario) => scenario.name === name);
}
