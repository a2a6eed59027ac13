import { readArguments } from '../src/arguments.ts';
import { missedLinkGoals, renderLinks } from '../src/link/link-report.ts';
import type { LinkMeasurement, LinksResult } from '../src/link/measure-links.ts';
import { machine } from './support/machine.ts';

function measurement(
  connector: LinkMeasurement['connector'],
  direction: LinkMeasurement['direction'],
  run: number,
  deliveredPerSecond: number,
  change: Partial<LinkMeasurement['load']> = {},
): LinkMeasurement {
  const load = {
    deliveredPerSecond,
    acknowledged: { p50: 1, p99: 2 },
    endToEnd: { p50: 3, p99: 4 },
    published: 10,
    expected: 10,
    delivered: 10,
    lost: 0,
    duplicates: 0,
    outOfOrder: 0,
    generatorCpu: 0.1,
    ...change,
  };
  return { connector, direction, qos: 1, run, load };
}

function resultOf(...measurements: LinkMeasurement[]): LinksResult {
  return { members: 3, payloadBytes: 64, window: 1_000, seconds: 10, measurements, failures: [] };
}

const good = [
  measurement('link', 'out', 1, 2_000),
  measurement('bridge', 'out', 1, 1_000),
  measurement('link', 'in', 1, 1_000),
  measurement('bridge', 'in', 1, 1_000),
];

test('the goal compares the link with the bridge in the same run, and takes the median of the runs', () => {
  expect(missedLinkGoals(resultOf(...good))).toEqual([]);
  // The machine was slower in the second run, for both.
  const slower = [measurement('link', 'out', 2, 500), measurement('bridge', 'out', 2, 400)];
  expect(missedLinkGoals(resultOf(...good, ...slower))).toEqual([]);
  const behind = [measurement('link', 'in', 2, 700), measurement('bridge', 'in', 2, 1_000)];
  expect(missedLinkGoals(resultOf(...good, ...behind))).toEqual([
    'in, QoS 1: the link had 0.85 times the throughput of the bridge',
  ]);
});

test('losses, repetitions and order violations are faults, and so is a direction without a measurement', () => {
  const lost = measurement('bridge', 'in', 1, 1_000, { lost: 2, duplicates: 1, outOfOrder: 3 });
  expect(missedLinkGoals(resultOf(...good.slice(0, 3), lost))).toEqual([
    'bridge, in, QoS 1, run 1: 2 lost, 1 delivered twice, 3 out of order',
  ]);
  expect(missedLinkGoals(resultOf(...good.slice(0, 3)))).toEqual(['in, QoS 1: the link was not measured']);
});

test('the report has a row for each connector and direction, and the ratio of each direction', () => {
  const text = renderLinks(resultOf(...good), machine, 'npm run bench -- link', '2026-11-29');
  expect(text).toContain('| link | out | 1 | 1 | 2000 | 2000 | 2000 | 3.0 ms | 4.0 ms |');
  expect(text).toContain('| out | 1 | 2.00 |');
  expect(text).toContain('| in | 1 | 1.00 |');
  expect(text.trimEnd().split('\n').at(-1)).toBe('ok');
});

test('the command link measures QoS 1 and 2 with three members, unless options say otherwise', () => {
  expect(readArguments(['link'])).toMatchObject({ command: 'link', members: 3, qos: null, window: 1_000 });
  expect(readArguments(['link', '--qos', '2', '--members', '7', '--out', 'd'])).toMatchObject({
    qos: [2],
    members: 7,
    out: 'd',
  });
});
