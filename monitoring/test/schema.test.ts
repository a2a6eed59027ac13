import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildDashboard, dashboards } from '../grafana/src/index.ts';
import { grafanaTypes, nonconformities } from './schema-violations.ts';
import { monitoring } from './support.ts';

const dashboardFile = 'dashboard/x/types.gen';
const panelTypes = {
  timeseries: 'timeseries',
  stat: 'stat',
  'state-timeline': 'statetimeline',
  table: 'table',
  heatmap: 'heatmap',
} as const;
const panelFile = (type: string): string => `composable/${type}/panelcfg/x/types.gen`;

const { checker, typeOf } = grafanaTypes([dashboardFile, ...Object.values(panelTypes).map(panelFile)]);

/** What the schema leaves to the data source: how Prometheus' annotations are written, and what a variable asked for. */
const ofPrometheus =
  /^\/(annotations\/list\/\d+\/(expr|titleFormat|textFormat|step)|templating\/list\/\d+\/definition): /;

interface AnyPanel {
  readonly type: keyof typeof panelTypes | 'row';
  readonly title: string;
  readonly options: unknown;
  readonly fieldConfig: { readonly defaults: { readonly custom?: unknown } };
}

/** What Grafana's own package `@grafana/schema` declares of a dashboard and of the panels of each type. */
describe.each(dashboards.map((spec) => [spec.title, spec] as const))('%s', (_, spec) => {
  const dashboard = JSON.parse(JSON.stringify(buildDashboard(spec))) as {
    readonly panels: readonly AnyPanel[];
  };

  it('is a dashboard as Grafana’s schema has it', () => {
    const problems = nonconformities(checker, typeOf(dashboardFile, 'Dashboard'), dashboard, 'is filled in');
    expect(problems.filter((problem) => !ofPrometheus.test(problem))).toEqual([]);
  });

  it('has panels with options as the schema of their type has them', () => {
    const problems = dashboard.panels.flatMap(({ type, title, options, fieldConfig }) => {
      if (type === 'row') return [];
      const file = panelFile(panelTypes[type]);
      const hasFields = type !== 'stat';
      return [
        ...nonconformities(checker, typeOf(file, 'Options'), options, 'is filled in', title),
        ...(hasFields && fieldConfig.defaults.custom !== undefined
          ? nonconformities(
              checker,
              typeOf(file, 'FieldConfig'),
              fieldConfig.defaults.custom,
              'is filled in',
              title,
            )
          : []),
      ];
    });
    expect(problems).toEqual([]);
  });
});

describe('the comparison with the schema', () => {
  const type = typeOf(dashboardFile, 'Dashboard');
  const wrong = (change: object): string[] =>
    nonconformities(checker, type, { title: 'x', ...change }, 'is filled in');

  it('finds what is of the wrong kind, what is no value of an enumeration, and what does not exist', () => {
    expect(wrong({ title: 5 })).toHaveLength(1);
    expect(wrong({ graphTooltip: 7 })).toHaveLength(1);
    expect(wrong({ titel: 'x' })).toEqual([expect.stringMatching(/^\/titel: /)]);
    expect(wrong({ panels: [{ type: 'stat', gridPos: { x: 'left' } }] })).not.toEqual([]);
    expect(nonconformities(checker, type, {}, 'counts').length).toBeGreaterThan(0);
  });
});

describe('the Grafana that is run', () => {
  const { version } = createRequire(import.meta.url)('@grafana/schema/package.json') as {
    readonly version: string;
  };

  it.each(['compose.yaml', 'ansible/roles/grafana/defaults/main.yml'])(
    'is of the schema’s version in %s',
    (file) => {
      const images = readFileSync(join(monitoring, '..', file), 'utf8').match(/\S*\/grafana\/grafana\S*/g);
      expect(images).toEqual([`docker.io/grafana/grafana:${version}`]);
    },
  );
});
