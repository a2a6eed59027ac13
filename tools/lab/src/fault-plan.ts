import { parseDuration, UsageError } from '@mqtt-cluster/kit';
import { parseFault } from './fault-forms.ts';
import type { FaultAction, FaultCommand } from './fault-forms.ts';

export interface Fault extends FaultCommand {
  /** Time after the start of the load. */
  readonly atMs: number;
}

/**
 * Parses a fault plan: a comma-separated list of `action:target[+target...][=value]@time`, see {@link parseFault}.
 *
 * @param members number of members of the cluster
 * @returns the faults in the order of their times
 * @throws UsageError
 */
export function parseFaults(text: string, members: number): Fault[] {
  return splitPlan(text)
    .map((part) => parseTimed(part, members))
    .sort((left, right) => left.atMs - right.atMs);
}

/**
 * Splits a plan at its commas. Every fault ends with `@time`, so a comma before `@` separates two members and not two
 * faults.
 */
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
  const [, fault, time] = /^([^@]+)@(.+)$/.exec(text) ?? [];
  if (fault === undefined || time === undefined) {
    throw new UsageError(`"${text}" has no time (example: kill:3@5s)`);
  }
  const atMs = parseDuration(time);
  if (atMs === null) throw new UsageError(`"${text}": "${time}" is not a time (examples: 500ms, 30s, 2m)`);
  return { ...parseFault(fault, members), atMs };
}

/** Effects of a fault plan on the cluster as a whole, which the verdict of a run takes into account. */
export interface PlanSummary {
  /** Whether some members may lose quorum and then acknowledge QoS 1 messages without a majority (P1). */
  readonly mayDegrade: boolean;
  /** The faults that kill processes of a healthy cluster and leave a majority running. */
  readonly minorityKills: readonly Fault[];
}

/** Faults that may separate a member from the majority for longer than the isolation timeout, so that it becomes isolated. */
const separatingActions: ReadonlySet<FaultAction> = new Set<FaultAction>([
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

/** Computes the effects of a fault plan without running it. */
export function summarizePlan(faults: readonly Fault[], members: number): PlanSummary {
  const down = new Set<number>();
  let mayDegrade = false;
  const minorityKills: Fault[] = [];
  for (const fault of faults) {
    const { action } = fault;
    const targets = fault.groups.flat();
    if (separatingActions.has(action)) mayDegrade = true;
    // The members that run while one member restarts may be no majority, for example in a cluster of two.
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
