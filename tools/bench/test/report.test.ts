import type { Measurement } from '../src/compare.ts';
import { faults, ratios, summarize } from '../src/report.ts';

function measurement(target: string, run: number, deliveredPerSecond: number, changes = {}): Measurement {
  return {
    target,
    run,
    deliveredPerSecond,
    qos: 1,
    sessions: 'clean',
    acknowledged: { p50: 1, p99: 2 },
    endToEnd: { p50: 1, p99: 2 },
    published: 10,
    expected: 10,
    delivered: 10,
    lost: 0,
    duplicates: 0,
    outOfOrder: 0,
    generatorCpu: 0.1,
    cpuSecondsPerMillion: 10,
    residentBytes: 0,
    ...changes,
  };
}

test('ratios returns the median of the ratios of all runs, not the ratio of the medians', () => {
  const measurements = [
    measurement('ours', 1, 10),
    measurement('mosquitto', 1, 20),
    measurement('ours', 2, 90),
    measurement('mosquitto', 2, 100),
    measurement('ours', 3, 50),
    measurement('mosquitto', 3, 50),
  ];
  expect(ratios(measurements)).toEqual([{ text: 'ours / mosquitto, QoS 1', ratio: 0.9, floor: 0.8 }]);
});

test('ratios ignores a run in which only one of the two compared targets was measured', () => {
  expect(ratios([measurement('ours', 1, 10), measurement('mosquitto', 2, 20)])).toEqual([]);
});

test('summarize adds up the losses of several runs', () => {
  const [summary] = summarize([measurement('ours', 1, 1), measurement('ours', 2, 1, { lost: 3 })]);
  expect(summary).toMatchObject({ runs: 2, lost: 3 });
});

test('the function faults accepts losses with QoS 0 and duplicates with QoS 0 and 1, but reports order violations', () => {
  const bad = { lost: 1, duplicates: 1, outOfOrder: 1 };
  const found = [0, 1, 2].map((qos) => faults([measurement('ours', 1, 1, { qos, ...bad })]));
  expect(found).toEqual([
    ['ours, QoS 0, run 1: 1 out of order'],
    ['ours, QoS 1, run 1: 1 lost, 1 out of order'],
    ['ours, QoS 2, run 1: 1 lost, 1 delivered twice, 1 out of order'],
  ]);
});
