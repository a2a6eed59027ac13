import { between, pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { minorityOf } from '../nemesis/fault.ts';
import type { FaultKind, FaultPlan, FaultSlot, PlannedFault } from '../nemesis/fault.ts';

const holdMsMin = 2_500;
const holdMsMax = 6_000;
const recoveryMsMin = 1_500;
const recoveryMsMax = 3_500;
/** Time before the first fault, so that the sessions at mosquitto are saved, ms. */
const firstMs = 3_000;
/** Time between two faults that last together, ms. */
const secondMsMax = 1_500;
/** Time without a fault after a kill of mosquitto, so that most messages are not in its exceptions, ms. */
const afterKillMs = 20_000;

export const linkFaultKinds: readonly FaultKind[] = ['kill', 'stop', 'pause', 'cut', 'one-way', 'flap'];

/** Makes the faults of one slot. */
type Draw = (random: Random, members: number) => readonly PlannedFault[];

/** A fault of what is beyond the link, or of the connection to it. */
const remote = (kind: FaultKind): PlannedFault => ({ kind, groups: [[0]], remote: true });

/** A fault of the member that runs the link. The planned member is a placeholder. */
const runner = (kind: FaultKind): PlannedFault => ({ kind, groups: [[0]], runner: true });

const soon = (random: Random, fault: PlannedFault): PlannedFault => ({
  ...fault,
  afterMs: between(random, 0, secondMsMax),
});

const draws: readonly Draw[] = [
  () => [runner('kill')],
  () => [runner('stop')],
  () => [runner('pause')],
  // The runner is isolated from the other members, and it still reaches mosquitto.
  () => [runner('cut')],
  (random, members) => {
    const all = Array.from({ length: members }, (_, member) => member);
    const count = between(random, 1, Math.max(minorityOf(members), 1));
    return [{ kind: 'kill', groups: [shuffled(random, all).slice(0, count)], staggerMs: 0 }];
  },
  () => [remote('stop')],
  () => [remote('pause')],
  () => [remote('cut')],
  () => [remote('one-way')],
  () => [remote('flap')],
  (random) => [remote('stop'), soon(random, runner('kill'))],
  (random) => [remote(pick(random, ['cut', 'flap'])), soon(random, runner('kill'))],
];

/** Number of slots that contain every kind of fault once. */
export const linkSlotsOfRound = draws.length;

function slot(random: Random, faults: readonly PlannedFault[], isFirst: boolean): FaultSlot {
  const [first, ...others] = faults;
  return {
    faults: first === undefined || !isFirst ? faults : [{ ...first, afterMs: firstMs }, ...others],
    holdMs: between(random, holdMsMin, holdMsMax),
    recoveryMs: between(random, recoveryMsMin, recoveryMsMax),
  };
}

/**
 * Faults of the member that runs the link, of other members, of mosquitto and of the connection between them. Mosquitto is
 * stopped with SIGTERM, so that it keeps its sessions. Each round has every fault once, in an order of its own.
 */
export function* linkFaults(random: Random, members: number): FaultPlan {
  for (let round = 0; ; round++) {
    for (const [position, draw] of shuffled(random, draws).entries())
      yield slot(random, draw(random, members), round === 0 && position === 0);
  }
}

/** Kills mosquitto, with a long time without a fault after it, and the runner of the link. */
export function* killsOfRemote(random: Random): FaultPlan {
  for (let count = 0; ; count++) {
    const isTogether = random() < 0.5;
    const faults = [remote('kill'), ...(isTogether ? [soon(random, runner('kill'))] : [])];
    yield { ...slot(random, faults, count === 0), recoveryMs: afterKillMs };
  }
}

/**
 * The faults of {@link linkFaults}, with kills of the other end instead of stops: nats-server and a second cluster keep what
 * they have acknowledged. The other end decides which of its processes has the fault.
 */
export function* linkFaultsWithKills(random: Random, members: number): FaultPlan {
  for (const planned of linkFaults(random, members)) {
    const faults = planned.faults.map((fault) =>
      fault.remote === true && fault.kind === 'stop' ? { ...fault, kind: 'kill' as const } : fault,
    );
    yield { ...planned, faults };
  }
}
