import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dashboardSchema } from '../src/pictures/dashboard-json.ts';
import { formatValue } from '../src/pictures/format.ts';
import { renderPage } from '../src/pictures/page.ts';
import type { PrometheusApi, Series } from '../src/prometheus-api.ts';

const folder = fileURLToPath(new URL('../../../monitoring/grafana/dashboards', import.meta.url));
const labels = { site: 'lab', member: 'm1', peer: 'm2', version: '1.0', instance: '127.0.0.1:9100', le: '1' };

/** Answers every query with one series of value 1. */
const api = {
  query: async (): Promise<Series[]> => [{ labels, samples: [[100, 1]] }],
  range: async (): Promise<Series[]> => [
    {
      labels,
      samples: [
        [0, 1],
        [100, 1],
      ],
    },
  ],
} as unknown as PrometheusApi;

describe.each(readdirSync(folder))('the picture of %s', (file) => {
  const dashboard = dashboardSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));

  it('has every panel with its title and its data', async () => {
    const { html } = await renderPage(dashboard, { api, from: 0, to: 100, member: 'm1' });
    for (const { title } of dashboard.panels) expect(html).toContain(title.replaceAll('&', '&#38;'));
    expect(html.match(/<section /g)).toHaveLength(
      dashboard.panels.filter(({ type }) => type !== 'row').length,
    );
    expect(html).not.toContain('class="empty"');
    expect(html).not.toMatch(/NaN|undefined/);
  });
});

it('the table of members shows texts instead of the numbers of states and reasons', async () => {
  const overview = dashboardSchema.parse(
    JSON.parse(readFileSync(join(folder, 'mqtt-cluster-overview.json'), 'utf8')),
  );
  const { html } = await renderPage(overview, { api, from: 0, to: 100, member: 'm1' });
  const [line = ''] = /<tr><td>m1<\/td>.*?<\/tr>/.exec(html) ?? [];
  expect(line).toMatch(/>serving<.*>yes<.*>1\.0<.*>127\.0\.0\.1:9100</);
});

test.each([
  [0.0025, 's', '2.5 ms'],
  [86_400, 's', '1 days'],
  [0.123, 'percentunit', '12.3%'],
  [1_536, 'bytes', '1.5 KiB'],
  [12_345, 'short', '12.3 K'],
])('formatValue shows %d with the unit %s as %s', (value, unit, text) => {
  expect(formatValue(value, unit)).toBe(text);
});
