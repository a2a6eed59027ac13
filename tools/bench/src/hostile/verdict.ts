import type { MemberMemory } from '@mqtt-cluster/lab';
import type { LatencyFigures } from '@mqtt-cluster/workload';
import type { Gain } from './attacker/protocol.ts';
import type { CheckCounts } from './measure/regular-checks.ts';

/** Largest p99 of the witness on the attacked member, ms. */
export const p99MsMax = 50;
/** Largest growth of the p99 on another member. */
const growthMax = 2;
/** Smallest share of newcomers that get in, and of health checks that are answered. */
const passedShareMin = 0.9;
/** Longest time until a restarted member serves again. */
const restartMsMax = 20_000;

export interface BeforeAndDuring {
  readonly before: LatencyFigures;
  readonly during: LatencyFigures;
}

/** What one attack did. */
export interface AttackResult {
  readonly name: string;
  readonly title: string;
  /** True: no attack, only the same use of the machine. No rule applies. */
  readonly isControl?: boolean;
  /** Largest p99 of the controls of the same run, ms: what the machine alone costs. Absent without a control. */
  readonly controlP99Ms?: number;
  readonly attacked: string;
  readonly other: string;
  /** Messages whose publisher or subscriber is at the attacked member. */
  readonly onAttacked: BeforeAndDuring;
  /** Messages whose publisher and subscriber are at another member. */
  readonly onOther: BeforeAndDuring;
  readonly term: { readonly before: number; readonly after: number };
  /** Acknowledged messages that a subscriber did not receive, or that were taken from an absent session. */
  readonly lost: number;
  readonly acknowledged: number;
  readonly disconnects: number;
  readonly newcomers: CheckCounts;
  readonly pages: CheckCounts;
  readonly memory: readonly MemberMemory[];
  readonly ceilingBytes: number;
  readonly gain: Gain;
  /** The restart or kill of the spare member. `backMs`: time until it serves again; null if it does not, or was killed. */
  readonly incident: {
    readonly kind: 'restart' | 'kill';
    readonly member: string;
    readonly backMs: number | null;
  } | null;
  /** Time until all clients of an attack with an end were back, ms; null: they were not. Absent for other attacks. */
  readonly doneMs?: number | null;
  /** One sentence for each member whose process ended by itself, and for an attacker that ended. */
  readonly ended: readonly string[];
}

/** Returns one sentence for each broken rule. No sentence: the attack harmed no other client. */
export function faultsOf(result: AttackResult): string[] {
  if (result.isControl === true) return [];
  return [
    ...latencyFaults(result),
    ...serviceFaults(result),
    ...memoryFaults(result),
    ...incidentFaults(result),
    ...result.ended,
    ...(Object.values(result.gain).some((count) => count > 0) ? [] : ['the attacker did nothing']),
  ];
}

/** Returns the largest p99 of the rows without an attack, ms; undefined without such a row. */
export function controlP99Of(results: readonly AttackResult[]): number | undefined {
  const controls = results.filter(({ isControl }) => isControl === true);
  if (controls.length === 0) return undefined;
  return Math.max(
    ...controls.flatMap(({ onAttacked, onOther }) => [onAttacked.during.p99Ms, onOther.during.p99Ms]),
  );
}

function latencyFaults({ onAttacked, onOther, attacked, other, controlP99Ms = 0 }: AttackResult): string[] {
  const bound = Math.max(controlP99Ms, growthMax * onOther.before.p99Ms);
  return [
    ...above(`p99 on ${attacked} (attacked)`, onAttacked.during, p99MsMax),
    ...above(`p99 on ${other}`, onOther.during, bound),
  ];
}

function above(what: string, { count, p99Ms }: LatencyFigures, boundMs: number): string[] {
  if (count === 0) return [`${what}: no message was measured`];
  if (p99Ms <= boundMs) return [];
  const seen = p99Ms === Infinity ? 'messages did not arrive' : `${p99Ms.toFixed(0)} ms`;
  return [`${what}: ${seen}, above ${boundMs.toFixed(0)} ms`];
}

function serviceFaults({ term, lost, acknowledged, newcomers, pages }: AttackResult): string[] {
  return [
    ...(term.after === term.before ? [] : [`elections: term ${term.before} before, ${term.after} after`]),
    ...(lost > 0 ? [`${lost} acknowledged messages were lost`] : []),
    ...(acknowledged === 0 ? ['no message of the witness was acknowledged'] : []),
    ...belowShare('newcomers got in', newcomers),
    ...belowShare('health checks were answered', pages),
  ];
}

function belowShare(what: string, { tried, passed }: CheckCounts): string[] {
  return tried > 0 && passed >= tried * passedShareMin ? [] : [`only ${passed} of ${tried} ${what}`];
}

function memoryFaults({ memory, ceilingBytes }: AttackResult): string[] {
  return memory
    .filter(({ peakBytes }) => peakBytes > ceilingBytes)
    .map(
      ({ id, peakBytes }) =>
        `${id} used ${toMebibytes(peakBytes)} MiB, above ${toMebibytes(ceilingBytes)} MiB`,
    );
}

function incidentFaults({ incident, doneMs }: AttackResult): string[] {
  const late = incident?.kind === 'restart' && (incident.backMs === null || incident.backMs > restartMsMax);
  return [
    ...(late ? [`${incident.member} did not serve again within ${restartMsMax / 1_000} s`] : []),
    ...(doneMs === null ? ['not all clients of the crowd came back'] : []),
  ];
}

export function toMebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
