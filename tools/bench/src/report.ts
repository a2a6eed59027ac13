import { median } from '@mqtt-cluster/kit';
import type { Comparison, Measurement } from './compare.ts';
import type { Machine } from './machine.ts';

/** The pairs of compared targets, and the smallest acceptable ratio of their deliveries a second with QoS 1. */
const pairs = [
  { ours: 'ours', other: 'mosquitto', floor: 0.8 },
  { ours: 'ours-tls', other: 'ours', floor: null },
  { ours: 'ours3-tls', other: 'ours3', floor: null },
  { ours: 'ours3', other: 'nats3', floor: 2 },
  { ours: 'ours3', other: 'nats3sync', floor: null },
] as const;

export interface Summary {
  readonly target: string;
  readonly qos: number;
  readonly sessions: string;
  readonly runs: number;
  readonly perSecond: number;
  readonly perSecondLeast: number;
  readonly perSecondMost: number;
  readonly acknowledgedP50: number | null;
  readonly acknowledgedP99: number | null;
  readonly endToEndP50: number | null;
  readonly endToEndP99: number | null;
  readonly cpuSecondsPerMillion: number;
  readonly residentMebibytes: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
}

export interface Ratio {
  readonly text: string;
  /**
   * Median of the ratios of all runs. The bench compares measurements of the same run, because other load on the machine
   * was then similar.
   */
  readonly ratio: number;
  readonly floor: number | null;
}

export function summarize(measurements: readonly Measurement[]): Summary[] {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const key = `${measurement.target} ${measurement.qos}`;
    groups.set(key, [...(groups.get(key) ?? []), measurement]);
  }
  return [...groups.values()].map(summary);
}

function summary(runs: readonly Measurement[]): Summary {
  const first = runs[0]!;
  const rates = runs.map((run) => run.deliveredPerSecond);
  const middle = (read: (run: Measurement) => number | null): number | null => {
    const values = runs.map(read).filter((value) => value !== null);
    return values.length === 0 ? null : median(values);
  };
  const total = (read: (run: Measurement) => number): number => runs.reduce((sum, run) => sum + read(run), 0);
  return {
    target: first.target,
    qos: first.qos,
    sessions: first.sessions,
    runs: runs.length,
    perSecond: median(rates),
    perSecondLeast: Math.min(...rates),
    perSecondMost: Math.max(...rates),
    acknowledgedP50: middle((run) => run.acknowledged.p50),
    acknowledgedP99: middle((run) => run.acknowledged.p99),
    endToEndP50: middle((run) => run.endToEnd.p50),
    endToEndP99: middle((run) => run.endToEnd.p99),
    cpuSecondsPerMillion: median(runs.map((run) => run.cpuSecondsPerMillion)),
    residentMebibytes: median(runs.map((run) => run.residentBytes)) / 2 ** 20,
    lost: total((run) => run.lost),
    duplicates: total((run) => run.duplicates),
    outOfOrder: total((run) => run.outOfOrder),
  };
}

/**
 * Compares the targets. @param saturated whether publishers sent as many messages as possible; otherwise no smallest ratio
 * applies
 */
export function ratios(measurements: readonly Measurement[], saturated = true): Ratio[] {
  return pairs.flatMap(({ ours, other, floor }) =>
    [0, 1, 2].flatMap((qos) => {
      const found: number[] = [];
      for (const measurement of measurements.filter(
        ({ target, qos: level }) => target === ours && level === qos,
      )) {
        const peer = measurements.find(
          ({ target, qos: level, run }) => target === other && level === qos && run === measurement.run,
        );
        if (peer) found.push(measurement.deliveredPerSecond / peer.deliveredPerSecond);
      }
      if (found.length === 0) return [];
      return [
        {
          text: `${ours} / ${other}, QoS ${qos}`,
          ratio: median(found),
          floor: saturated && qos === 1 ? floor : null,
        },
      ];
    }),
  );
}

/** Returns losses, duplicates and order violations that MQTT does not allow; they invalidate the figures. */
export function faults(measurements: readonly Measurement[]): string[] {
  return measurements.flatMap(({ target, qos, run, lost, duplicates, outOfOrder }) => {
    const texts: string[] = [];
    if (qos > 0 && lost > 0) texts.push(`${lost} lost`);
    if (qos === 2 && duplicates > 0) texts.push(`${duplicates} delivered twice`);
    if (outOfOrder > 0) texts.push(`${outOfOrder} out of order`);
    return texts.length === 0 ? [] : [`${target}, QoS ${qos}, run ${run}: ${texts.join(', ')}`];
  });
}

export function render(machine: Machine, comparison: Comparison): string {
  const { targets, skipped, failures, measurements, saturated } = comparison;
  const lines = [renderMachine(machine), ''];
  for (const target of targets) lines.push(`${target.name}: ${target.description}`);
  for (const reason of skipped) lines.push(`skipped ${reason}`);
  lines.push('', ...table(summarize(measurements)), '');
  for (const { text, ratio, floor } of ratios(measurements, saturated)) {
    const verdict = floor === null ? '' : `  (floor ${floor}: ${ratio >= floor ? 'met' : 'MISSED'})`;
    lines.push(`${text}: ${ratio.toFixed(2)}${verdict}`);
  }
  for (const text of [...faults(measurements), ...failures]) lines.push(`FAULT ${text}`);
  return `${lines.join('\n')}\n`;
}

export function renderMachine(machine: Machine): string {
  const { processor, cores, memoryGibibytes, kernel, node, loadAverage, commit, versions } = machine;
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const machineText = `${processor}, ${cores} cores, ${memoryGibibytes} GiB, Linux ${kernel}`;
  return `${machineText}; Node ${node}, ${peers.join(', ')}; load average before ${loadAverage}; commit ${commit}`;
}

const columns = [
  ['target', 10],
  ['QoS', 4],
  ['sessions', 11],
  ['messages/s', 11],
  ['(least-most)', 16],
  ['ack p50 ms', 11],
  ['p99', 8],
  ['end p50 ms', 11],
  ['p99', 8],
  ['CPU s/million', 14],
  ['MiB', 6],
  ['lost', 6],
] as const;

function table(rows: readonly Summary[]): string[] {
  const head = columns.map(([title, width]) => title.padStart(width)).join('');
  return [head, ...rows.map(row)];
}

function row(each: Summary): string {
  const cells = [
    each.target,
    String(each.qos),
    each.sessions,
    String(Math.round(each.perSecond)),
    `${Math.round(each.perSecondLeast)}-${Math.round(each.perSecondMost)}`,
    milliseconds(each.acknowledgedP50),
    milliseconds(each.acknowledgedP99),
    milliseconds(each.endToEndP50),
    milliseconds(each.endToEndP99),
    each.cpuSecondsPerMillion.toFixed(1),
    String(Math.round(each.residentMebibytes)),
    String(each.lost),
  ];
  return cells.map((cell, position) => cell.padStart(columns[position]![1])).join('');
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : value.toFixed(value < 10 ? 2 : 1);
}
