import { memberMetrics } from '../src/index.ts';

const metrics = Object.values(memberMetrics);

test('metric names are unique and of the cluster', () => {
  const names = metrics.map((metric) => metric.name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^mqtt_cluster_[a-z0-9_]+$/);
});

test.each(metrics.map((metric) => [metric.name, metric]))(
  '%s follows the naming conventions',
  (name, metric) => {
    expect(name.endsWith('_total')).toBe(metric.type === 'counter');
    expect(metric.help).toMatch(/\.$/);
    // Labels of unbounded values would make a series of every client.
    for (const label of metric.labels) expect(label).not.toMatch(/client|topic/);
  },
);
