import { UsageError } from './errors.ts';
import { parseDuration, parseFault } from './fault-forms.ts';
import type { FaultAction, FaultCommand } from './fault-forms.ts';

export interface Fault extends FaultCommand {
  readonly atMs: number;
}

/**
 * The faults of a run: a comma list of `action:target[+target...][=value]@time`, see {@link parseFault}.
 * @returns in the order of their times. @throws UsageError
 */
export function parseFaults(text: string, members: number): Fault[] {
  return splitPlan(text)
    .map((part) => parseTimed(part, members))
    .sort((left, right) => left.atMs - right.atMs);
}

/** Every fault ends with its time, so a comma before that is one between members. */
function splitPlan(text: string): string[] {
  const faults: string[] = [];
  let begun = '';
  for (const piece of text.split(',')) {
    begun = begun === '' ? piece.trim() : `${begun},${piece.trim()}`;
    if (!piece.includes('@')) continue;
    faults.push(begun);
    begun = '';
  }
  return begun === '' ? faults : [...faults, begun];
}

function parseTimed(text: string, members: number): Fault {
  const [, what, time] = /^([^@]+)@(.+)$/.exec(text) ?? [];
  if (what === undefined || time === undefined) {
    throw new UsageError(`"${text}" is no fault (example: kill:3@5s)`);
  }
  return { ...parseFault(what, members), atMs: parseDuration(time) };
}

/** What the plan does to the cluster as a whole; the verdict needs it to know which promises hold. */
export interface PlanNature {
  /** Some members may have been without a majority and acked QoS 1 by themselves (design, P1). */
  readonly mayDegrade: boolean;
  /** Those that kill processes while all is well otherwise, and leave a majority running. */
  readonly minorityKills: readonly Fault[];
}

/** Faults that may part a member from the majority for longer than its patience. */
const parting: ReadonlySet<FaultAction> = new Set<FaultAction>([
  'cut',
  'one-way',
  'flap',
  'pause',
  'slow',
  'loss',
  'throttle',
  'full-disk',
  'slow-disk',
]);

/** Plays the plan on paper. */
export function natureOf(faults: readonly Fault[], members: number): PlanNature {
  const down = new Set<number>();
  let mayDegrade = false;
  const minorityKills: Fault[] = [];
  for (const fault of faults) {
    const { action } = fault;
    const targets = fault.groups.flat();
    if (parting.has(action)) mayDegrade = true;
    // One at a time is no majority either, among two.
    if (action === 'rolling' && members - down.size - 1 <= members / 2) mayDegrade = true;
    if (action === 'start' || action === 'resume') targets.forEach((target) => down.delete(target));
    if (action !== 'kill' && action !== 'wipe' && action !== 'stop' && action !== 'pause') continue;
    targets.forEach((target) => down.add(target));
    const majorityLeft = members - down.size > members / 2;
    if (!majorityLeft) mayDegrade = true;
    else if ((action === 'kill' || action === 'wipe') && !mayDegrade) minorityKills.push(fault);
  }
  return { mayDegrade, minorityKills };
}
