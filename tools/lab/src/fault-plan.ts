import { UsageError } from './errors.ts';

export const faultActions = [
  'kill',
  'stop',
  'start',
  'pause',
  'resume',
  'cut',
  'heal',
  'slow',
  'wipe',
] as const;
export type FaultAction = (typeof faultActions)[number];

export interface Fault {
  readonly action: FaultAction;
  /** Member numbers. More than one group only for `cut`; empty for `heal`. */
  readonly groups: readonly (readonly number[])[];
  readonly atMs: number;
}

/** `250ms`, `30s`, `2m`; a bare number counts seconds. @returns milliseconds. @throws UsageError */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (match === null) throw new UsageError(`"${text}" is no duration (examples: 500ms, 30s, 2m)`);
  const unit = { ms: 1, s: 1_000, m: 60_000 }[match[2] ?? 's'] ?? 1_000;
  return Number(match[1]) * unit;
}

/**
 * The faults of a run: a comma list of `action:target[+target...]@time`. Targets are 1 to 7, m1 to m7 or `all`. `cut`
 * takes several groups, parted by `/`; `heal@time` has no target.
 * @returns in the order of their times. @throws UsageError
 */
export function parseFaults(text: string, members: number): Fault[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return parts.map((part) => parseFault(part, members)).sort((left, right) => left.atMs - right.atMs);
}

function parseFault(text: string, members: number): Fault {
  const match = /^([a-z]+)(?::([^@]+))?@(.+)$/.exec(text);
  if (match === null) throw new UsageError(`"${text}" is no fault (example: kill:3@5s)`);
  const [, action = '', targets, time = ''] = match;
  if (!isFaultAction(action)) {
    throw new UsageError(`"${action}" in "${text}" is no fault; there are ${faultActions.join(' ')}`);
  }
  const atMs = parseDuration(time);
  if (action === 'heal') {
    if (targets !== undefined) throw new UsageError(`"${text}": heal mends everything and takes no member`);
    return { action, groups: [], atMs };
  }
  if (targets === undefined) throw new UsageError(`"${text}" names no member (example: ${action}:3@5s)`);
  const groups = targets.split('/').map((group) => parseGroup(group, members, text));
  if (groups.length > 1 && action !== 'cut') throw new UsageError(`"${text}": only cut takes several groups`);
  const all = groups.flat();
  if (new Set(all).size !== all.length) throw new UsageError(`"${text}" names a member twice`);
  return { action, groups, atMs };
}

export function isFaultAction(text: string): text is FaultAction {
  return (faultActions as readonly string[]).includes(text);
}

function parseGroup(text: string, members: number, fault: string): number[] {
  if (text === 'all') return Array.from({ length: members }, (_, index) => index + 1);
  return text.split('+').map((target) => {
    const match = /^m?(\d)$/.exec(target);
    const number = Number(match?.[1]);
    if (match === null || number < 1 || number > members) {
      throw new UsageError(`"${fault}": "${target}" is no member of 1 to ${members}`);
    }
    return number;
  });
}

/** What the plan does to the cluster as a whole; the verdict needs it to know which promises hold. */
export interface PlanNature {
  /** Some members may have been without a majority and acked QoS 1 by themselves (design, P1). */
  readonly mayDegrade: boolean;
  /** Those that kill processes while all is well otherwise, and leave a majority running. */
  readonly minorityKills: readonly Fault[];
}

/** Plays the plan on paper. */
export function natureOf(faults: readonly Fault[], members: number): PlanNature {
  const down = new Set<number>();
  let mayDegrade = false;
  const minorityKills: Fault[] = [];
  for (const fault of faults) {
    const { action } = fault;
    const targets = fault.groups.flat();
    if (action === 'cut' || action === 'pause' || action === 'slow') mayDegrade = true;
    if (action === 'start' || action === 'resume') targets.forEach((target) => down.delete(target));
    if (action !== 'kill' && action !== 'wipe' && action !== 'stop' && action !== 'pause') continue;
    targets.forEach((target) => down.add(target));
    const majorityLeft = members - down.size > members / 2;
    if (!majorityLeft) mayDegrade = true;
    else if ((action === 'kill' || action === 'wipe') && !mayDegrade) minorityKills.push(fault);
  }
  return { mayDegrade, minorityKills };
}
