import { median } from '@mqtt-cluster/kit';
import type { Machine } from '../machine.ts';
import { renderMachine } from '../report.ts';
import { connectors } from './linked-brokers.ts';
import { directions } from './measure-links.ts';
import type { LinkMeasurement, LinksResult } from './measure-links.ts';

/** Smallest accepted throughput of the link, as a share of that of the bridge in the same run. */
const ratioMin = 1;

interface Comparison {
  readonly direction: LinkMeasurement['direction'];
  readonly qos: number;
  /** Median of the ratios of the runs; null without a run of both. */
  readonly ratio: number | null;
}

/** Returns one sentence for each goal that is missed. */
export function missedLinkGoals(result: LinksResult): string[] {
  return [
    ...result.failures,
    ...result.measurements.flatMap(faultsOf),
    ...comparisons(result).flatMap(({ direction, qos, ratio }) => {
      if (ratio !== null && ratio >= ratioMin) return [];
      const found =
        ratio === null ? 'was not measured' : `had ${ratio.toFixed(2)} times the throughput of the bridge`;
      return [`${direction}, QoS ${qos}: the link ${found}`];
    }),
  ];
}

/** Losses, repetitions and order violations invalidate a measurement without faults. */
function faultsOf({ connector, direction, qos, run, load }: LinkMeasurement): string[] {
  const counts = { lost: load.lost, 'delivered twice': load.duplicates, 'out of order': load.outOfOrder };
  const texts = Object.entries(counts)
    .filter(([what, count]) => count > 0 && (qos > 0 || what === 'out of order'))
    .map(([what, count]) => `${count} ${what}`);
  return texts.length === 0
    ? []
    : [`${connector}, ${direction}, QoS ${qos}, run ${run}: ${texts.join(', ')}`];
}

function comparisons({ measurements }: LinksResult): Comparison[] {
  const levels = [...new Set(measurements.map(({ qos }) => qos))];
  return levels.flatMap((qos) =>
    directions.map((direction) => {
      const ratios = measurements
        .filter((each) => each.connector === 'link' && each.direction === direction && each.qos === qos)
        .flatMap(({ run, load }) => {
          const bridge = measurements.find(
            (each) =>
              each.connector === 'bridge' &&
              each.direction === direction &&
              each.qos === qos &&
              each.run === run,
          );
          return bridge === undefined ? [] : [load.deliveredPerSecond / bridge.load.deliveredPerSecond];
        });
      return { direction, qos, ratio: ratios.length === 0 ? null : median(ratios) };
    }),
  );
}

export function renderLinks(result: LinksResult, machine: Machine, command: string, date: string): string {
  const { members, payloadBytes, window, seconds, measurements } = result;
  const missed = missedLinkGoals(result);
  return [
    "# A link beside mosquitto's bridge",
    '',
    `- command: \`${command}\`; ${date}`,
    `- machine: ${renderMachine(machine)}`,
    ...connectors.map(({ name, description }) => `- ${name}: ${description}`),
    `- the cluster of the link has ${members} members; all brokers and clients on this machine`,
    `- one publisher on one side (${window} unacknowledged messages at most), one subscriber on the other side; payloads of`,
    `  ${payloadBytes} bytes; ${seconds} s each; medians of the runs`,
    '- out: from the cluster, or from the mosquitto with the bridge, to the other mosquitto; in: the opposite direction',
    `- goal: the link passes at least ${ratioMin} times as many messages as the bridge in the same run`,
    '',
    '| | direction | QoS | runs | messages/s | least | most | time to arrival, p50 | p99 |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|',
    ...rowsOf(measurements),
    '',
    '| direction | QoS | link / bridge |',
    '|---|---:|---:|',
    ...comparisons(result).map(
      ({ direction, qos, ratio }) => `| ${direction} | ${qos} | ${ratio?.toFixed(2) ?? '-'} |`,
    ),
    '',
    ...(missed.length === 0 ? ['ok'] : missed.map((text) => `NOT OK: ${text}`)),
    '',
  ].join('\n');
}

function rowsOf(measurements: readonly LinkMeasurement[]): string[] {
  const groups = new Map<string, LinkMeasurement[]>();
  for (const each of measurements) {
    const key = `${each.qos} ${each.direction} ${each.connector}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map((runs) => {
    const { connector, direction, qos } = runs[0]!;
    const rates = runs.map(({ load }) => load.deliveredPerSecond);
    const middle = (read: (run: LinkMeasurement) => number | null): string => {
      const values = runs.map(read).filter((value) => value !== null);
      return values.length === 0 ? '-' : `${median(values).toFixed(1)} ms`;
    };
    const cells = [
      connector,
      direction,
      String(qos),
      String(runs.length),
      ...[median(rates), Math.min(...rates), Math.max(...rates)].map((rate) => rate.toFixed(0)),
      middle(({ load }) => load.endToEnd.p50),
      middle(({ load }) => load.endToEnd.p99),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}
