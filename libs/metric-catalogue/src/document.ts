import { applianceMetricSections, clientMetricSections } from './catalogue.ts';
import type { MetricSection } from './catalogue.ts';
import type { CatalogueMetric, LabelValues } from './define.ts';

const introduction = `# Metrics

Written from \`libs/metric-catalogue\` by \`npm run metrics:document\`; a test compares them.

Both pages also have the process metrics of prom-client (\`process_…\`, \`nodejs_…\`). Labels never contain client ids or
topics, so the size of a page does not depend on the number of clients. Rules and panels use the *dashboard* metrics; the
*debugging* metrics may change. A series with a listed label value exists from the start, at 0.
`;

/** Returns the text of docs/METRICS.md. */
export function metricsDocument(): string {
  const shared = new Set(applianceMetricSections.flatMap(({ metrics }) => Object.values(metrics)));
  const ofClient = clientMetricSections.map((section) => (isShared(section, shared) ? null : section));
  const both = clientMetricSections.filter((section) => isShared(section, shared)).map(({ title }) => title);
  return [
    introduction,
    '## Members\n\n`/metrics` of the appliance; each metric also has the label `member`.\n',
    ...applianceMetricSections.map(sectionText),
    `## Subscribing application\n\n\`/metrics\` of the client. The page also has the metrics of *${both.join(', ')}* above.\n`,
    ...ofClient.flatMap((section) => (section === null ? [] : [sectionText(section)])),
  ].join('\n');
}

function isShared({ metrics }: MetricSection, shared: ReadonlySet<CatalogueMetric>): boolean {
  return Object.values(metrics).every((metric) => shared.has(metric));
}

function sectionText({ title, metrics }: MetricSection): string {
  const rows = Object.values(metrics).map(row);
  const head = '| metric | type | unit | labels | for | meaning |\n|---|---|---|---|---|---|';
  return `### ${title}\n\n${head}\n${rows.join('\n')}\n`;
}

function row({ name, type, unit, values, purpose, help, buckets }: CatalogueMetric): string {
  const labels = Object.entries(values).map(([label, value]) => labelText(label, value));
  const bounds = buckets === undefined ? '' : ` Buckets up to ${buckets.join(', ')}.`;
  const cells = [`\`${name}\``, type, unit, labels.join('; '), purpose, `${help}${bounds}`];
  return `| ${cells.join(' | ')} |`;
}

function labelText(label: string, values: LabelValues): string {
  return 'oneFor' in values ? `\`${label}\`: one for ${values.oneFor}` : `\`${label}\`: ${values.join(', ')}`;
}
