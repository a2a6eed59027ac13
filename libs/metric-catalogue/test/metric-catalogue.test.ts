import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { metricCatalogue, metricsDocument } from '../src/index.ts';

test('metric names are unique and of the cluster', () => {
  const names = metricCatalogue.map((metric) => metric.name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^mqtt_cluster_[a-z0-9_]+$/);
});

describe.each(metricCatalogue.map((metric) => [metric.name, metric] as const))('%s', (name, metric) => {
  test('follows the naming conventions', () => {
    expect(name.endsWith('_total')).toBe(metric.type === 'counter');
    if (metric.type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
    for (const unit of ['seconds', 'bytes'] as const) {
      expect(new RegExp(`_${unit}(_max|_total)?$`).test(name)).toBe(metric.unit === unit);
    }
    expect(metric.help).toMatch(/\.$/);
    expect(metric.help).not.toContain('|'); // it stands in a table
  });

  test('has labels of few values, never of clients or topics', () => {
    expect(metric.labels).toEqual(Object.keys(metric.values));
    for (const label of metric.labels) expect(label).not.toMatch(/client|topic|session_id|user/);
    for (const values of Object.values(metric.values)) {
      if (!('oneFor' in values)) expect(new Set(values).size).toBe(values.length);
    }
  });

  test('has rising buckets if it is a histogram, and none otherwise', () => {
    expect(metric.buckets !== undefined).toBe(metric.type === 'histogram');
    const buckets = metric.buckets ?? [];
    expect(buckets).toEqual([...new Set(buckets)].sort((one, other) => one - other));
  });
});

test('docs/METRICS.md is what `npm run metrics:document` writes', () => {
  const file = fileURLToPath(new URL('../../../docs/METRICS.md', import.meta.url));
  expect(readFileSync(file, 'utf8')).toBe(metricsDocument());
});
