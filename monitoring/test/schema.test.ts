import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildDashboard, dashboards } from '../grafana/src/index.ts';
import { grafanaTypes, schemaViolations } from './schema-violations.ts';
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

/**
 * Fields that the schema leaves to the data source: annotation queries of Prometheus, and the definition of
 * a variable.
 */
const prometheusFields =
  /^\/(annotations\/list\/\d+\/(expr|titleFormat|textFormat|step)|templating\/list\/\d+\/definition): /;

interface AnyPanel {
  readonly type: keyof typeof panelTypes | 'row';
  readonly title: string;
  readonly options: unknown;
  readonly fieldConfig: { readonly defaults: { readonly custom?: unknown } };
}

/** Checks each dashboard against the types of `@grafana/schema` for dashboards and for each panel type. */
describe.each(dashboards.map((spec) => [spec.title, spec] as const))('the dashboard "%s"', (_, spec) => {
  const dashboard = JSON.parse(JSON.stringify(buildDashboard(spec))) as {
    readonly panels: readonly AnyPanel[];
  };

  it('conforms to the dashboard type of @grafana/schema', () => {
    const problems = schemaViolations(checker, typeOf(dashboardFile, 'Dashboard'), dashboard, 'ignore');
    expect(problems.filter((problem) => !prometheusFields.test(problem))).toEqual([]);
  });

  it('has panels whose options conform to the types of @grafana/schema', () => {
    const problems = dashboard.panels.flatMap(({ type, title, options, fieldConfig }) => {
      if (type === 'row') return [];
      const file = panelFile(panelTypes[type]);
      const hasFields = type !== 'stat';
      return [
        ...schemaViolations(checker, typeOf(file, 'Options'), options, 'ignore', title),
        ...(hasFields && fieldConfig.defaults.custom !== undefined
          ? schemaViolations(
              checker,
              typeOf(file, 'FieldConfig'),
              fieldConfig.defaults.custom,
              'ignore',
              title,
            )
          : []),
      ];
    });
    expect(problems).toEqual([]);
  });
});

describe('schemaViolations', () => {
  const type = typeOf(dashboardFile, 'Dashboard');
  const wrong = (change: object): string[] =>
    schemaViolations(checker, type, { title: 'x', ...change }, 'ignore');

  it('reports wrong kinds, values outside of an enumeration, unknown and missing properties', () => {
    expect(wrong({ title: 5 })).toHaveLength(1);
    expect(wrong({ graphTooltip: 7 })).toHaveLength(1);
    expect(wrong({ titel: 'x' })).toEqual([expect.stringMatching(/^\/titel: /)]);
    expect(wrong({ panels: [{ type: 'stat', gridPos: { x: 'left' } }] })).not.toEqual([]);
    expect(schemaViolations(checker, type, {}, 'report').length).toBeGreaterThan(0);
  });
});

describe('the deployed Grafana', () => {
  const { version } = createRequire(import.meta.url)('@grafana/schema/package.json') as {
    readonly version: string;
  };

  it.each(['compose.yaml', 'ansible/roles/grafana/defaults/main.yml'])(
    'has the version of @grafana/schema in %s',
    (file) => {
      const images = readFileSync(join(monitoring, '..', file), 'utf8').match(/\S*\/grafana\/grafana\S*/g);
      expect(images).toEqual([`docker.io/grafana/grafana:${version}`]);
    },
  );
});
