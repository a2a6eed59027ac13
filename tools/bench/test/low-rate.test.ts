import { summarize } from '../src/low-rate/cpu-profile.ts';
import type { CpuProfile } from '../src/low-rate/cpu-profile.ts';
import type { LowRateMeasurement, MemberWork } from '../src/low-rate/low-rate.ts';
import { renderLowRate, summarizeLowRate } from '../src/low-rate/low-rate-report.ts';
import { workForEach, workKeys } from '../src/low-rate/member-work.ts';
import type { WorkTotals } from '../src/low-rate/member-work.ts';
import { sumOf } from '../src/targets/metrics-page.ts';

const page = [
  '# HELP mqtt_cluster_bridge_frames_total Frames.',
  'mqtt_cluster_bridge_frames_total{peer="m2",direction="sent",member="m1"} 3',
  'mqtt_cluster_bridge_frames_total{peer="m3",direction="sent",member="m1"} 4',
  'mqtt_cluster_bridge_frames_total{peer="m3",direction="received",member="m1"} 50',
  'mqtt_cluster_bridge_frames_total_of_another_metric{direction="sent"} 600',
  'mqtt_cluster_raft_is_leader 1',
].join('\n');

function totals(value: number, changes: Partial<WorkTotals> = {}): WorkTotals {
  return {
    ...(Object.fromEntries(workKeys.map((key) => [key, value])) as unknown as WorkTotals),
    ...changes,
  };
}

function member(name: string, changes: Partial<MemberWork> = {}): MemberWork {
  return { name, leads: false, isHome: false, profile: null, ...totals(1), ...changes };
}

function measurement(target: string, run: number, p50: number, processorMs: number): LowRateMeasurement {
  const percentiles = { p50, p99: p50 * 10 };
  return {
    target,
    run,
    deliveredPerSecond: 100,
    acknowledged: percentiles,
    endToEnd: percentiles,
    lost: run === 2 ? 1 : 0,
    members: [member('m1', { leads: true }), member('m2', { isHome: true })],
    processorMs,
  };
}

test('sumOf adds up the series of one metric that have the given label', () => {
  expect(sumOf(page, 'mqtt_cluster_bridge_frames_total', 'direction="sent"')).toBe(7);
  expect(sumOf(page, 'mqtt_cluster_bridge_frames_total')).toBe(57);
  expect(sumOf(page, 'mqtt_cluster_raft_is_leader')).toBe(1);
  expect(sumOf(page, 'mqtt_cluster_store_sync_seconds_count')).toBe(0);
});

test('workForEach divides the increase of every total by the number of messages', () => {
  const work = workForEach(totals(10), totals(30, { syncs: 15 }), 20);
  expect(work).toEqual(totals(1, { syncs: 0.25 }));
});

test('summarizeLowRate returns medians, the range of the processor time, and the sum of the losses', () => {
  const runs = [measurement('ours3', 1, 4, 2), measurement('ours3', 2, 5, 1), measurement('ours3', 3, 90, 3)];
  expect(summarizeLowRate(runs)).toEqual([
    expect.objectContaining({
      target: 'ours3',
      runs: 3,
      endToEndP50: 5,
      processorMs: 2,
      processorMsLeast: 1,
      processorMsMost: 3,
      lost: 1,
    }),
  ]);
});

test('the report marks the leader and the members with clients, and contains failures', () => {
  const measurements = [measurement('ours3', 1, 4, 2)];
  const result = { rate: 100, seconds: 5, measurements, skipped: [], failures: ['ours7, run 1: no port'] };
  const text = renderLowRate(result);
  expect(text).toContain('100 messages a second for 5 s');
  expect(text).toMatch(/ours3 m1\* .*\n +ours3 m2\+ /);
  expect(text).toContain('FAULT ours7, run 1: no port');
});

const frame = (functionName: string, url: string, lineNumber = 0) => ({
  functionName,
  url,
  lineNumber,
  columnNumber: 0,
});

const profile: CpuProfile = {
  startTime: 1_000,
  nodes: [
    { id: 1, callFrame: frame('(idle)', '') },
    { id: 2, callFrame: frame('writev', '') },
    { id: 3, callFrame: frame('encode', 'file:///dist/bundle.mjs', 7) },
    { id: 4, callFrame: frame('parse', 'file:///dist/bundle.mjs', 8) },
    { id: 5, callFrame: frame('processTicks', 'node:internal/process/task_queues') },
  ],
  //        1000 1100 1200 1300 1400 1500 1600
  samples: [3, 1, 2, 3, 4, 5, 3],
  timeDeltas: [0, 100, 100, 100, 100, 100, 100],
};

test('a profile summary contains the self times between two times by package, without idle time', () => {
  const sourceOf = (_url: string, line: number): string =>
    line === 7 ? 'libs/bridge/src/frame/frame.ts' : 'node_modules/@scope/parser/index.js';
  const range = { fromUs: 1_050, toUs: 1_550 };
  const { packages, functions } = summarize(profile, sourceOf, range);
  expect(packages.map(({ name, share }) => [name, share])).toEqual([
    ['socket writes (system calls)', 0.25],
    ['libs/bridge', 0.25],
    ['@scope/parser', 0.25],
    ['Node: internal/process/task_queues', 0.25],
  ]);
  expect(functions.map(({ name }) => name)).toContain('encode libs/bridge/src/frame/frame.ts');
});
