import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import type { Logger } from '@mqtt-cluster/contracts';
import { defaultSettings, silentLogger } from '@mqtt-cluster/contracts';
import { replicatedBytesMax } from '@mqtt-cluster/member';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { MemoryGauge, MemoryGuard } from '../../src/limits/memory-guard.ts';
import { memoryLimit } from '../../src/limits/memory-limit.ts';
import { configSchema } from '../../src/config.ts';
import { memoryBounds, reportMemory } from '../../src/limits/memory-report.ts';

const gibibyte = 1024 ** 3;

/** Reads from a file system with these files only. */
function files(contents: Readonly<Record<string, string>>): (path: string) => string {
  return (path) => {
    const content = contents[path];
    if (content === undefined) throw new Error(`no such file: ${path}`);
    return content;
  };
}

test.each([
  [
    'of its control group of version 2',
    {
      '/proc/self/cgroup': '0::/system.slice/a.service\n',
      '/sys/fs/cgroup/system.slice/a.service/memory.max': '1073741824\n',
    },
    { bytes: gibibyte, source: 'cgroup' },
  ],
  [
    'of a control group around its own',
    {
      '/proc/self/cgroup': '0::/a.service/container\n',
      '/sys/fs/cgroup/a.service/container/memory.max': 'max\n',
      '/sys/fs/cgroup/a.service/memory.max': '1073741824\n',
    },
    { bytes: gibibyte, source: 'cgroup' },
  ],
  [
    'of its control group of version 1',
    {
      '/proc/self/cgroup': '8:pids:/\n4:cpu,memory:/a\n0::/\n',
      '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': '1073741824\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    },
    { bytes: gibibyte, source: 'cgroup' },
  ],
  [
    'of the host, if no control group has a lower limit',
    { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': 'max\n' },
    { bytes: 4 * gibibyte, source: 'host' },
  ],
  ['of the host, on a system without control groups', {}, { bytes: 4 * gibibyte, source: 'host' }],
])('the process may use the memory %s', (_name, contents, expected) => {
  expect(memoryLimit(0, 4 * gibibyte, files(contents))).toEqual(expected);
});

test('the setting limits.memoryBytesMax replaces the limit of the control group', () => {
  expect(memoryLimit(gibibyte, 4 * gibibyte)).toEqual({ bytes: gibibyte, source: 'limits.memoryBytesMax' });
});

test('a host with less memory than the setting bounds the process itself', () => {
  expect(memoryLimit(8 * gibibyte, 4 * gibibyte, files({}))).toEqual({ bytes: 4 * gibibyte, source: 'host' });
});

test('the memory pressure rises in two steps, and falls later than it rises', () => {
  const gauge = new MemoryGauge({ rss: 100, heap: 1_000 });
  const pressures = [79, 80, 75, 71, 85, 90, 85, 81, 72].map((rss) => gauge.sample({ rss, heap: 0 }));
  expect(pressures).toEqual([
    'none',
    'refuseClients',
    'refuseClients',
    'none',
    'refuseClients',
    'dropQos0',
    'dropQos0',
    'refuseClients',
    'none',
  ]);
  expect(gauge.sample({ rss: 0, heap: 900 })).toBe('dropQos0');
});

test('the memory guard reports each change of the pressure once', async () => {
  const reported: string[] = [];
  let rss = 0;
  const guard = new MemoryGuard({
    limitBytes: 100,
    metrics: noMetrics,
    logger: silentLogger,
    onPressure: (pressure) => reported.push(pressure),
    onPublishesRefused: () => undefined,
    stateBytes: () => 0,
    measure: () => ({ rss, heap: 0 }),
  });
  await guard.start();
  for (rss of [50, 85, 85, 95, 95, 10, 10]) guard.sample();
  await guard.stop();
  expect(reported).toEqual(['refuseClients', 'dropQos0', 'none']);
});

test('the memory guard rejects publishes before a snapshot exceeds the memory, and accepts them when it fits again', async () => {
  const reported: boolean[] = [];
  let rss = 0;
  let state = 0;
  const guard = new MemoryGuard({
    limitBytes: 100,
    metrics: noMetrics,
    logger: silentLogger,
    onPressure: () => undefined,
    onPublishesRefused: (refused) => reported.push(refused),
    stateBytes: () => state,
    measure: () => ({ rss, heap: 0 }),
  });
  await guard.start();
  for (const [nextRss, nextState] of [
    [60, 29],
    [60, 30],
    [60, 21],
    [60, 19],
  ] as const) {
    rss = nextRss;
    state = nextState;
    guard.sample();
  }
  expect(reported).toEqual([true, false]);
  [rss, state] = [70, 20];
  guard.sample();
  expect(guard.effect).toBe('refusePublishes');
  await guard.stop();
});

test.each([
  ['warns of bounds that exceed the memory of the process', 2 * gibibyte, 8 * gibibyte, 1],
  ['warns of a heap limit below the bounds', 4 * gibibyte, gibibyte, 1],
  ['warns of nothing if all bounds fit', 4 * gibibyte, 8 * gibibyte, 0],
])('the report of the memory %s', (_name, bytes, heap, expected) => {
  const lines: string[] = [];
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (_fields, text) => lines.push(text),
    warn: (_fields, text) => warnings.push(text),
  };
  reportMemory(
    [
      { name: 'a', bytes: 2 * gibibyte },
      { name: 'b', bytes: gibibyte },
    ],
    { bytes, source: 'cgroup' },
    heap,
    logger,
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(`sum up to 3072 MiB; the process may use ${bytes / 1024 ** 2} MiB (cgroup)`);
  expect(warnings).toHaveLength(expected);
});

test('the bounds of a member of seven with all defaults fit into the memory that the playbooks give the unit', () => {
  const file = new URL('../../../../ansible/roles/broker_publisher/defaults/main.yml', import.meta.url);
  const [, unit] = /^broker_publisher_memory_max: (\d+)G$/m.exec(readFileSync(file, 'utf8')) ?? [];
  const peers = Array.from({ length: 7 }, (_, index) => `m${index}=192.0.2.${index}:7883`);
  const config = configSchema.parse({ id: 'm0', peers });
  const bounds = memoryBounds(config, replicatedBytesMax(defaultSettings).total);
  const sum = bounds.reduce((total, { bytes }) => total + bytes, 0);
  expect(sum).toBeGreaterThan(0);
  expect(sum).toBeLessThanOrEqual(Number(unit) * gibibyte);
});

test('the memory guard measures twice a second only while a flood could reach a limit within a second', async () => {
  jest.useFakeTimers();
  try {
    let rss = 0;
    let samples = 0;
    const guard = new MemoryGuard({
      limitBytes: 1_000_000_000,
      metrics: noMetrics,
      logger: silentLogger,
      onPressure: () => undefined,
      onPublishesRefused: () => undefined,
      stateBytes: () => 0,
      measure: () => {
        samples++;
        return { rss, heap: 0 };
      },
    });
    await guard.start();
    const samplesIn = (milliseconds: number): number => {
      samples = 0;
      jest.advanceTimersByTime(milliseconds);
      return samples;
    };
    expect(samplesIn(4_000)).toBe(4);
    rss = 700_000_000;
    samplesIn(1_000);
    expect(samplesIn(4_000)).toBe(8);
    await guard.stop();
    expect(samplesIn(4_000)).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
