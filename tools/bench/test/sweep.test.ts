import { chart } from '../src/sweep/sweep-charts.ts';
import { faultsOfSweep, renderSweep } from '../src/sweep/sweep-report.ts';
import type { SweepPoint, SweepResult } from '../src/sweep/sweep.ts';
import { machine } from './support/machine.ts';

const point: SweepPoint = {
  target: 'ours3',
  rate: 100,
  runs: 1,
  perSecond: 99.5,
  acknowledgedP50: 3,
  endToEndP50: 4.5,
  endToEndP99: 9,
  processorMs: 0.5,
  processorMsLeast: 0.4,
  processorMsMost: 0.6,
  lost: 0,
};
const points: readonly SweepPoint[] = [
  point,
  { ...point, rate: 0, perSecond: 20_000, endToEndP50: 12 },
  { ...point, target: 'mosquitto', endToEndP50: 0.25 },
  { ...point, target: 'mosquitto', rate: 0, perSecond: 50_000, endToEndP50: 7 },
];
const result: SweepResult = { seconds: 5, runs: 3, points, skipped: [], failures: [] };

test('the report has a line for each target and load, and both charts', () => {
  const text = renderSweep(result, machine, 'c', 'd');
  expect(text).toContain('| ours3 | 100/s | 99.5 | 4.50 ms | 9.00 ms | 0.500 ms | 0 |');
  expect(text).toContain('| mosquitto | all | 50000 | 7.00 ms | 9.00 ms | 0.500 ms | 0 |');
  expect(text).toContain('](sweep-latency.svg)');
  expect(text).toContain('](sweep-processor.svg)');
});

test('a lost message and a failed measurement are faults of the sweep', () => {
  expect(faultsOfSweep(result)).toEqual([]);
  const bad = { ...result, points: [{ ...point, lost: 2 }], failures: ['100/s, ours3, run 1: no leader'] };
  expect(faultsOfSweep(bad)).toEqual([
    '100/s, ours3, run 1: no leader',
    'ours3 at load 100/s lost 2 messages',
  ]);
  expect(renderSweep(bad, machine, 'c', 'd')).toContain('- FAULT 100/s, ours3, run 1: no leader');
});

test('a chart is an SVG document with a line and a name for each target', () => {
  const svg = chart(points, 'endToEndP50', 'arrival');
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  expect(svg.match(/<path d="M[^"]+L[^"]+" marker-end/g)).toHaveLength(2);
  for (const target of ['ours3', 'mosquitto']) expect(svg).toContain(`>${target}</text>`);
  expect(svg).toContain('arrival</text>');
});

test('a chart leaves out a point that has no place on a logarithmic axis', () => {
  const idle = { ...point, target: 'idle', perSecond: 0 };
  expect(chart([...points, idle], 'endToEndP50', 'arrival')).not.toContain('idle');
});
