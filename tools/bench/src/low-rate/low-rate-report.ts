import { median } from '@mqtt-cluster/kit';
import type { ProfilePart } from './cpu-profile.ts';
import type { LowRateMeasurement, LowRateResult, MemberWork } from './low-rate.ts';
import { workKeys } from './member-work.ts';

const titles: Readonly<Record<(typeof workKeys)[number], string>> = {
  processorMs: 'CPU ms',
  mainThreadMs: 'main thread',
  framesSent: 'frames out',
  framesReceived: 'frames in',
  bytesSent: 'bytes out',
  syncs: 'syncs',
  inputTurns: 'turns',
  timerTurns: 'ticks',
  writeCalls: 'write calls',
  readCalls: 'read calls',
  sleeps: 'sleeps',
};
const width = 12;

/** Medians of the runs of one target. Times are in ms. */
export interface LowRateSummary {
  /** `ours` with the number of members, or `mosquitto`. */
  readonly target: string;
  readonly runs: number;
  /** Messages that arrived, a second. */
  readonly perSecond: number;
  /** Time from PUBLISH to PUBACK. */
  readonly acknowledgedP50: number;
  /** Time from PUBLISH to the arrival at the subscriber. */
  readonly endToEndP50: number;
  readonly endToEndP99: number;
  /** Processor time of a message at each member, mean of the members. */
  readonly processorMs: number;
  readonly processorMsLeast: number;
  readonly processorMsMost: number;
  readonly lost: number;
}

/** Medians of the runs of each target. */
export function summarizeLowRate(measurements: readonly LowRateMeasurement[]): LowRateSummary[] {
  const targets = [...new Set(measurements.map(({ target }) => target))];
  return targets.map((target) => {
    const runs = measurements.filter((measurement) => measurement.target === target);
    const middle = (read: (run: LowRateMeasurement) => number | null): number =>
      median(runs.map((run) => read(run) ?? NaN));
    const processor = runs.map(({ processorMs }) => processorMs);
    return {
      target,
      runs: runs.length,
      perSecond: middle((run) => run.deliveredPerSecond),
      acknowledgedP50: middle((run) => run.acknowledged.p50),
      endToEndP50: middle((run) => run.endToEnd.p50),
      endToEndP99: middle((run) => run.endToEnd.p99),
      processorMs: median(processor),
      processorMsLeast: Math.min(...processor),
      processorMsMost: Math.max(...processor),
      lost: runs.reduce((sum, { lost }) => sum + lost, 0),
    };
  });
}

export function renderLowRate({ rate, seconds, measurements, skipped, failures }: LowRateResult): string {
  const load = rate === 0 ? 'as many messages as possible' : `${rate} messages a second`;
  const lines = [`${load} for ${seconds} s, QoS 1, persistent sessions`, ''];
  const latencies = ['ack p50 ms', 'end p50 ms', 'end p99 ms'];
  const processor = ['CPU ms', 'CPU least', 'CPU most'];
  lines.push(row(['target', 'messages/s', ...latencies, ...processor, 'lost']));
  for (const each of summarizeLowRate(measurements)) {
    lines.push(
      row([
        each.target,
        String(Math.round(each.perSecond)),
        each.acknowledgedP50.toFixed(2),
        each.endToEndP50.toFixed(2),
        each.endToEndP99.toFixed(2),
        each.processorMs.toFixed(3),
        each.processorMsLeast.toFixed(3),
        each.processorMsMost.toFixed(3),
        String(each.lost),
      ]),
    );
  }
  lines.push('', 'Work of each member for one message (last run); * leads, + has clients:', '');
  const last = measurements.filter(({ run }) => run === Math.max(...measurements.map((each) => each.run)));
  lines.push(row(['', ...workKeys.map((key) => titles[key])]));
  for (const { target, members } of last) {
    for (const member of members) lines.push(row([nameOf(target, member), ...cells(member)]));
  }
  for (const { target, members } of last) {
    for (const member of members) if (member.profile !== null) lines.push(...profile(target, member));
  }
  for (const reason of skipped) lines.push(`skipped ${reason}`);
  for (const text of failures) lines.push(`FAULT ${text}`);
  return `${lines.join('\n')}\n`;
}

function nameOf(target: string, { name, leads, isHome }: MemberWork): string {
  if (target === name) return name;
  return `${target} ${name}${leads ? '*' : ''}${isHome ? '+' : ''}`;
}

function cells(member: MemberWork): string[] {
  return workKeys.map((key) =>
    key === 'bytesSent' ? String(Math.round(member[key])) : member[key].toFixed(3),
  );
}

/**
 * Prints the shares of a profile as parts of the main thread's processor time. The times in the profile itself include
 * waits for a core.
 */
function profile(target: string, member: MemberWork): string[] {
  const us = member.mainThreadMs * 1_000;
  const line = ({ name, share }: ProfilePart): string =>
    `${(share * 100).toFixed(1).padStart(6)} % ${(share * us).toFixed(1).padStart(8)} us  ${name}`;
  const { packages, functions } = member.profile!;
  const title = `${nameOf(target, member)}: ${us.toFixed(0)} us of the main thread for one message`;
  return ['', title, ...packages.map(line), '', ...functions.map(line)];
}

function row(values: readonly string[]): string {
  return values.map((cell, position) => cell.padStart(position === 0 ? 14 : width)).join('');
}
