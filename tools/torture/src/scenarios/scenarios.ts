import type { FaultKind } from '../nemesis/fault.ts';
import { minorityOf } from '../nemesis/fault.ts';
import {
  sizesOfHalves,
  killIsolatedMinority,
  mixedFaults,
  oneWayLosses,
  powerCycles,
  repeatFault,
  rollingRestarts,
  repeatPartition,
  sizesOfThirds,
  sizesOfTwoHalvesAndOne,
} from '../nemesis/plans.ts';
import type { FaultPlanMaker } from '../nemesis/plans.ts';
import {
  linkFaultsWithKills,
  killsOfRemote,
  linkFaults,
  linkFaultKinds,
  linkSlotsOfRound,
} from './link-faults.ts';
import { quietStops } from './quiet-stop.ts';
import { updateAndRollBack } from './rolling-update.ts';
import type { LinkedEnd } from '../targets/target.ts';
import type { Shares, WorkloadName } from '@mqtt-cluster/workload';

/** A load, a plan of faults, and the rules that a run must exercise. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly shares: Shares;
  /** Faults that the target must support for this scenario. */
  readonly needs: readonly FaultKind[];
  /** Rules that must have something to check, also `RULE: PART`. Otherwise the run is inconclusive. */
  readonly exercises: readonly string[];
  /** Whether the plan is finite and a run executes it completely, even if that takes longer than `--for`. */
  readonly completesPlan?: boolean;
  /** Number of slots of the plan that a run executes at least, even if that takes longer than `--for`. */
  readonly slotsMin?: number;
  /** The other end, if the load passes a link of the target. */
  readonly linked?: LinkedEnd;
  /** Returns the plan for a target that supports these kinds of faults; null: a scenario without faults. */
  readonly plan: ((supportedFaults: ReadonlySet<FaultKind>) => FaultPlanMaker) | null;
}

const everything: Shares = {
  stream: 0.3,
  roaming: 0.2,
  takeover: 0.05,
  retained: 0.1,
  wills: 0,
  shared: 0.15,
  churn: 0.1,
  expiry: 0.1,
};

/** Rules that every scenario exercises. */
const always = ['acked-but-lost', 'qos2-duplicate', 'order', 'phantom', 'qos0-duplicate'] as const;
/** Rules that a scenario exercises if at least one server is without a fault at any time. */
const withoutFault = ['served', 'qos0-lost'] as const;
const ofEverything = [...always, 'session-lost', 'retained', 'ack-taken-back', 'two-connections'] as const;

/**
 * Rules for scenarios in which several members, or all, are down for half of the time. In such a run it may happen that no
 * client takes over a connection of a member that lives. The scenario `takeover` requires the rule
 * `two-connections`.
 */
const ofOutages = ofEverything.filter((rule) => rule !== 'two-connections');

/** Rules of the scenarios with a link, in both directions. */
const ofLinks = [
  'acked-but-lost',
  'qos2-duplicate',
  'order',
  'phantom',
  'session-lost',
  'across-link: out',
  'across-link: in',
] as const;

const ofFocus: Readonly<Partial<Record<WorkloadName, readonly string[]>>> = {
  roaming: ['session-lost'],
  takeover: ['two-connections'],
  wills: ['will'],
  retained: ['retained', 'ack-taken-back'],
  shared: ['shared-once'],
  expiry: ['message-expiry', 'receive-maximum', 'session-lost'],
};

const clusterTimeParts = ['wills', 'sessions', 'messages'].map((part) => `cluster-time: ${part}`);

function faulty(
  name: FaultKind | string,
  kind: FaultKind,
  about: string,
  plan: FaultPlanMaker,
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

/**
 * Creates a scenario with one main workload. The plan kills members repeatedly if the target supports that.
 */
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
    exercises: [...always, ...withoutFault, ...(ofFocus[workload] ?? [])],
    plan: (supportedFaults) => (supportedFaults.has('kill') ? repeatFault('kill', counts) : function* () {}),
  };
}

/** All scenarios of `--scenario all`, in this order. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'calm',
    about: 'no faults',
    shares: everything,
    needs: [],
    exercises: [...ofEverything, ...withoutFault],
    plan: null,
  },
  faulty('kill-one', 'kill', 'one member killed (kill -9), repeatedly', repeatFault('kill', one)),
  faulty('kill-three', 'kill', 'a minority killed together', repeatFault('kill', minority), ofOutages),
  faulty(
    'kill-all',
    'kill',
    'all members killed at once, and started in any order (data in the kernel survives)',
    repeatFault('kill', all),
    ofOutages,
  ),
  faulty(
    'power-cycle',
    'kill',
    'a minority killed every few seconds, and sometimes all members',
    powerCycles,
    ofOutages,
  ),
  faulty('pause', 'pause', 'members paused (SIGSTOP) and resumed', repeatFault('pause', upToMinority)),
  faulty('split-3-4', 'cut', 'partitions into a majority and a minority', repeatPartition(sizesOfHalves)),
  faulty(
    'split-3-3-1',
    'cut',
    'three partitions without a majority',
    repeatPartition(sizesOfTwoHalvesAndOne),
  ),
  faulty('split-2-2-3', 'cut', 'three partitions without a majority', repeatPartition(sizesOfThirds)),
  {
    name: 'island-kill',
    about: 'an isolated minority killed after degraded acknowledgements',
    shares: everything,
    needs: ['cut', 'kill'],
    exercises: ofEverything,
    plan: () => killIsolatedMinority,
  },
  faulty(
    'one-way',
    'one-way',
    'members receive packets, but the packets that they send get lost',
    oneWayLosses,
  ),
  faulty('flap', 'flap', 'links that fail and recover every second', repeatFault('flap', upToMinority)),
  faulty('slow', 'slow', 'links with 100±50 ms and 1 % loss', repeatFault('slow', oneToAll)),
  faulty('throttle', 'throttle', 'links of 1 Mbit/s', repeatFault('throttle', oneOrAll)),
  faulty('full-disk', 'full-disk', 'full disks', repeatFault('full-disk', upToMinority)),
  faulty(
    'slow-disk',
    'slow-disk',
    'disks whose syncs take 200 ms longer',
    repeatFault('slow-disk', upToMinority),
  ),
  faulty(
    'wipe',
    'wipe',
    'disks of at most a minority replaced by empty ones',
    repeatFault('wipe', upToMinority),
  ),
  faulty('clock', 'clock', 'wall clocks that step by seconds and hours', repeatFault('clock', upToMinority)),
  {
    ...faulty(
      'rolling-restart',
      'rolling',
      'all members stopped and started one after another',
      rollingRestarts,
      [...ofEverything, 'will'],
    ),
    shares: { ...everything, wills: 0.1 },
  },
  focused('roaming', 'sessions that move from server to server', 'roaming'),
  focused('takeover', 'two or three clients race for a client id', 'takeover'),
  focused('wills', 'clients with a will that disconnect in every way', 'wills', minority),
  focused('retained', 'few retained topics set and cleared through many servers', 'retained'),
  focused('shared', 'shared subscriptions whose subscribers connect and disconnect', 'shared'),
  focused(
    'expiry',
    'messages and sessions that expire, and subscribers that acknowledge late (MQTT 5)',
    'expiry',
  ),
  {
    name: 'quiet-stop',
    about:
      'a minority of a quiet cluster killed, always the leader, then all members stopped for 25 s (MQTT 5)',
    shares: { quiet: 1 },
    needs: ['kill', 'stop'],
    exercises: [...clusterTimeParts, 'will', 'session-lost'],
    completesPlan: true,
    plan: () => quietStops,
  },
  {
    name: 'link-mosquitto',
    about:
      'a link to mosquitto in both directions, faults of its runner, other members, mosquitto and the connection',
    shares: { link: 1 },
    needs: linkFaultKinds,
    exercises: ofLinks,
    linked: 'mosquitto',
    slotsMin: linkSlotsOfRound,
    plan: () => linkFaults,
  },
  {
    name: 'link-mosquitto-kill',
    about:
      'a link to mosquitto that is killed, so that it forgets what it has not saved (counted as exceptions)',
    shares: { link: 1 },
    needs: ['kill'],
    exercises: ofLinks,
    linked: 'mosquitto',
    slotsMin: 2,
    plan: () => killsOfRemote,
  },
  {
    name: 'link-cluster',
    about:
      'a link to a second cluster in both directions, faults of its runner, members of both clusters and the connection',
    shares: { link: 1 },
    needs: linkFaultKinds,
    exercises: ofLinks,
    linked: 'cluster',
    slotsMin: linkSlotsOfRound,
    plan: () => linkFaultsWithKills,
  },
  {
    name: 'link-jetstream',
    about:
      'a link to a stream that a second cluster shares, faults of its runner, members, nats-server, that cluster and the connection',
    shares: { exactLink: 1 },
    needs: linkFaultKinds,
    exercises: ofLinks,
    linked: 'jetstream',
    slotsMin: linkSlotsOfRound,
    plan: () => linkFaultsWithKills,
  },
  {
    name: 'mixed',
    about: 'all kinds of faults, one or two at a time',
    shares: everything,
    needs: [],
    exercises: ofEverything,
    plan: mixedFaults,
  },
];

/** The scenario `rolling-update`. It is not part of `all`, because it needs a commit (`--from`). */
export const rollingUpdate: Scenario = {
  name: 'rolling-update',
  about:
    'from the commit of --from to this tree: update of all members but one, rollback, update of all members',
  shares: everything,
  needs: ['rolling'],
  exercises: ofEverything,
  completesPlan: true,
  plan: () => updateAndRollBack,
};

export function findScenario(name: string): Scenario | undefined {
  return [...scenarios, rollingUpdate].find((scenario) => scenario.name === name);
}
