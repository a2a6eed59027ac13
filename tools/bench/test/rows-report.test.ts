import { renderRows, summarizeRows } from '../src/rows/rows-report.ts';

const measurements = [
  { row: 'connect', target: 'ours', run: 1, values: [1_000] },
  { row: 'connect', target: 'mosquitto', run: 1, values: [4_000] },
  { row: 'connect', target: 'ours', run: 2, values: [3_000] },
  { row: 'connect', target: 'mosquitto', run: 2, values: [3_000] },
  { row: 'connect', target: 'ours', run: 3, values: [2_000] },
  { row: 'connect', target: 'mosquitto', run: 3, values: [4_000] },
];

test('summarizeRows returns median and range of each target, and the median of the ratios of the same runs', () => {
  expect(summarizeRows(measurements)).toEqual([
    {
      row: 'connect',
      figure: 'connections',
      unit: '/s',
      isLessBetter: false,
      targets: {
        ours: { median: 2_000, least: 1_000, most: 3_000 },
        mosquitto: { median: 4_000, least: 3_000, most: 4_000 },
      },
      ratio: 0.5,
    },
  ]);
});

test('summarizeRows has no ratio without mosquitto, and none for a run that failed', () => {
  const ours = measurements.filter(({ target }) => target === 'ours');
  expect(summarizeRows(ours)[0]!.ratio).toBeNull();
  const incomplete = measurements.filter(({ target, run }) => target === 'ours' || run === 1);
  expect(summarizeRows(incomplete)[0]!.ratio).toBe(0.25);
});

test('renderRows prints each figure with its unit, skipped brokers and failures', () => {
  const text = renderRows({
    measurements,
    skipped: ['mosquitto: reason'],
    failures: ['queue, ours, run 1: text'],
  });
  expect(text).toContain('connect: connections, /s');
  expect(text).toContain('2000 (1000-3000)');
  expect(text).toContain('0.50');
  expect(text).toContain('skipped mosquitto: reason');
  expect(text).toContain('FAULT queue, ours, run 1: text');
});

test('renderRows names the figures of which a smaller value is better', () => {
  const queue = { row: 'queue', target: 'ours', run: 1, values: [1.5, 800, 900, 20_000] };
  const other = { row: 'queue', target: 'mosquitto', run: 1, values: [0.5, 100, 150, 40_000] };
  const lines = renderRows({ measurements: [queue, other], skipped: [], failures: [] }).split('\n');
  const lineOf = (figure: string): string => lines.find((line) => line.startsWith(`queue: ${figure}`)) ?? '';
  expect(lineOf('memory of a message')).toMatch(/3\.00 \(less is better\)$/);
  expect(lineOf('drain')).toMatch(/0\.50$/);
});
