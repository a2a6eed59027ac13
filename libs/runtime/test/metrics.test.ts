import { jest } from '@jest/globals';
import { processMetrics } from '@mqtt-cluster/metric-catalogue';
import type { CatalogueMetric, MetricDefinition } from '@mqtt-cluster/metric-catalogue';
import { createMetrics, measureEventLoopDelay } from '../src/index.ts';

const frames = {
  name: 'frames_total',
  type: 'counter',
  help: 'Frames.',
  labels: ['peer'],
} satisfies MetricDefinition;
const clients = { name: 'clients', type: 'gauge', help: 'Clients.', labels: [] } satisfies MetricDefinition;
const delay = {
  name: 'delay_seconds',
  type: 'histogram',
  help: 'Delay.',
  labels: ['qos', 'path'],
  buckets: [0.1, 1],
} satisfies MetricDefinition;

describe('createMetrics', () => {
  test('renders counters, gauges and histograms with their labels', async () => {
    const metrics = createMetrics({ includeProcessMetrics: false, defaultLabels: { member: 'a' } });
    metrics.add(frames, ['b']);
    metrics.add(frames, ['b'], 2);
    metrics.add(frames, ['c'], 0);
    metrics.set(clients, [], 7);
    metrics.add(clients, [], -2);
    metrics.observe(delay, ['1', 'live'], 0.5);
    const lines = (await metrics.render()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE frames_total counter',
        'frames_total{peer="b",member="a"} 3',
        'frames_total{peer="c",member="a"} 0',
        'clients{member="a"} 5',
        'delay_seconds_bucket{le="0.1",member="a",qos="1",path="live"} 0',
        'delay_seconds_bucket{le="1",member="a",qos="1",path="live"} 1',
        'delay_seconds_count{member="a",qos="1",path="live"} 1',
      ]),
    );
  });

  test('creates two independent registries in one process', async () => {
    const [one, other] = [
      createMetrics({ includeProcessMetrics: false }),
      createMetrics({ includeProcessMetrics: false }),
    ];
    one.set(clients, [], 1);
    other.set(clients, [], 2);
    expect(await one.render()).toContain('clients 1');
    expect(await other.render()).toContain('clients 2');
  });

  test('renders declared metrics from the start if all label values are known', async () => {
    const base = { help: 'Help text.', unit: 'none', purpose: 'debugging' } as const;
    const label = (values: CatalogueMetric['values']) => ({ labels: Object.keys(values), values });
    const declared: CatalogueMetric[] = [
      { ...base, name: 'acks_total', type: 'counter', ...label({ qos: ['1', '2'], result: ['ok', 'no'] }) },
      { ...base, name: 'per_peer_total', type: 'counter', ...label({ peer: { oneFor: 'each peer' } }) },
      { ...base, name: 'open_seconds', type: 'histogram', buckets: [1], ...label({ session: ['new'] }) },
      { ...base, name: 'leader', type: 'gauge', ...label({}) },
      { ...base, name: 'state', type: 'gauge', ...label({ state: ['on', 'off'] }) },
    ];
    const metrics = createMetrics({ includeProcessMetrics: false, declared });
    const series = async () => (await metrics.render()).split('\n').filter((line) => /^[a-z]/.test(line));
    expect(await series()).toEqual([
      'acks_total{qos="1",result="ok"} 0',
      'acks_total{qos="1",result="no"} 0',
      'acks_total{qos="2",result="ok"} 0',
      'acks_total{qos="2",result="no"} 0',
      'open_seconds_bucket{le="1",session="new"} 0',
      'open_seconds_bucket{le="+Inf",session="new"} 0',
      'open_seconds_sum{session="new"} 0',
      'open_seconds_count{session="new"} 0',
      'leader 0',
    ]);
    metrics.observe(declared[2]!, ['new'], 0.5);
    expect(await series()).toContain('open_seconds_count{session="new"} 1');
  });

  test('does not render a removed series until the series gets a new value', async () => {
    const metrics = createMetrics({ includeProcessMetrics: false });
    metrics.add(frames, ['b']);
    metrics.add(frames, ['c']);
    metrics.observe(delay, ['1', 'live'], 0.5);
    metrics.remove(frames, ['b']);
    metrics.remove(delay, ['1', 'live']);
    metrics.remove(clients, []);
    const text = await metrics.render();
    expect(text).not.toContain('peer="b"');
    expect(text).toContain('frames_total{peer="c"} 1');
    expect(text).not.toContain('delay_seconds_count');
    metrics.add(frames, ['b']);
    expect(await metrics.render()).toContain('frames_total{peer="b"} 1');
  });

  test('throws when a metric is used with the wrong method or number of labels', () => {
    const metrics = createMetrics({ includeProcessMetrics: false });
    expect(() => metrics.add(frames, [])).toThrow('frames_total was used with 0 labels');
    expect(() => metrics.set(frames, ['b'], 1)).toThrow('The counter frames_total was used with set');
    expect(() => metrics.observe(clients, [], 1)).toThrow('The gauge clients was used with observe');
    expect(() => metrics.add(delay, ['1', 'live'])).toThrow('The histogram delay_seconds was used with add');
  });

  test('renders the metrics of the process', async () => {
    const metrics = createMetrics();
    // The registry renders the histogram of event loop delays only after the first sample.
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        void metrics.render().then((text) => {
          if (!text.includes(`${processMetrics.eventLoopDelaySeconds.name}_count`)) return;
          clearInterval(timer);
          resolve();
        });
      }, 10);
    });
    metrics.stop();
    const text = await metrics.render();
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
    // The registry removes the metrics that visit every connection for each scrape.
    expect(text).not.toContain('nodejs_active_');
    expect(text.match(/^# TYPE process_open_fds gauge$/gm)).toHaveLength(1);
    expect(metrics.contentType).toContain('text/plain');
  });
});

test('measureEventLoopDelay reports how late a timer ran, and reports one long pause as one sample', () => {
  jest.useFakeTimers();
  try {
    let nowMs = 1_000;
    const samples: number[] = [];
    const stop = measureEventLoopDelay(
      (delayMs) => samples.push(delayMs),
      () => nowMs,
    );
    const pass = (milliseconds: number): void => {
      nowMs += milliseconds;
      jest.advanceTimersByTime(1_000);
    };
    pass(1_000);
    pass(4_000);
    pass(1_000);
    pass(999);
    stop();
    pass(1_000);
    expect(samples).toEqual([0, 3_000, 0, 0]);
  } finally {
    jest.useRealTimers();
  }
});
