import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { metricCatalogue, metricsDocument } from '../src/index.ts';

test('every metric has a unique name with the prefix mqtt_cluster_', () => {
  const names = metricCatalogue.map((metric) => metric.name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^mqtt_cluster_[a-z0-9_]+$/);
});

describe.each(metricCatalogue.map((metric) => [metric.name, metric] as const))(
  'the metric %s',
  (name, metric) => {
    test('follows the Prometheus naming conventions', () => {
      expect(name.endsWith('_total')).toBe(metric.type === 'counter');
      if (metric.type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
      for (const unit of ['seconds', 'bytes'] as const) {
        expect(new RegExp(`_${unit}(_max|_total)?$`).test(name)).toBe(metric.unit === unit);
      }
      expect(metric.help).toMatch(/\.$/);
      expect(metric.help).not.toContain('|'); // The help text is a cell of a Markdown table.
    });

    test('has no label for clients, users or topics, and lists each label value once', () => {
      expect(metric.labels).toEqual(Object.keys(metric.values));
      for (const label of metric.labels) expect(label).not.toMatch(/client|topic|session_id|user/);
      for (const values of Object.values(metric.values)) {
        if (!('oneFor' in values)) expect(new Set(values).size).toBe(values.length);
      }
    });

    test('has increasing buckets if it is a histogram, and no buckets otherwise', () => {
      expect(metric.buckets !== undefined).toBe(metric.type === 'histogram');
      const buckets = metric.buckets ?? [];
      expect(buckets).toEqual([...new Set(buckets)].sort((one, other) => one - other));
    });
  },
);

test('docs/METRICS.md is the output of `npm run metrics:document`', () => {
  const file = fileURLToPath(new URL('../../../docs/METRICS.md', import.meta.url));
  expect(readFileSync(file, 'utf8')).toBe(metricsDocument());
});
