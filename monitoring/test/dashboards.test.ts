import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memberMetrics, metricCatalogue } from '@mqtt-cluster/metric-catalogue';
import { overview } from '../grafana/src/dashboards/overview.ts';
import { annotations, buildDashboard, dashboards, renderDashboard } from '../grafana/src/index.ts';
import { alertRules, recordingRules, vectorSelectors, interpolateVariables } from '../src/index.ts';
import { findCatalogueMetric, monitoring, recorded, ruleFiles, unknownMetrics } from './support.ts';

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface BuiltPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: Box;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly datasource: { readonly uid: string };
  }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string }; readonly overrides: unknown };
  readonly options?: { readonly legend?: unknown };
  readonly transformations?: readonly {
    readonly id: string;
    readonly options: {
      readonly renameByName?: Readonly<Record<string, string>>;
      readonly excludeByName?: Readonly<Record<string, boolean>>;
      readonly indexByName?: Readonly<Record<string, number>>;
    };
  }[];
}

const built = dashboards.map((spec) => {
  const dashboard = buildDashboard(spec);
  return { spec, dashboard, panels: (dashboard.panels ?? []) as unknown as BuiltPanel[] };
});
const specifications = dashboards.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels));
const queries = [
  ...specifications.flatMap(({ queries: ofPanel }) => ofPanel.map(({ expr }) => expr)),
  ...annotations.map(({ expr }) => expr),
];

function overviewPanels(): readonly BuiltPanel[] {
  return built.find(({ spec }) => spec === overview)!.panels.filter(({ type }) => type !== 'row');
}

function overlap(one: Box, other: Box): boolean {
  return (
    one.x < other.x + other.w &&
    other.x < one.x + one.w &&
    one.y < other.y + other.h &&
    other.y < one.y + one.h
  );
}

describe('queries of the dashboards', () => {
  it('use only metrics and labels that a program exports', () => {
    expect(queries.flatMap((query) => unknownMetrics(interpolateVariables(query)))).toEqual([]);
  });

  it('show every metric of the catalogue whose purpose is "dashboard"', () => {
    const rules = new Map(recordingRules(ruleFiles).map(({ record, expr }) => [record, expr]));
    const shown = new Set<string>();
    const add = (query: string): void => {
      for (const { metric } of vectorSelectors(query)) {
        if (recorded.has(metric)) add(rules.get(metric) ?? '');
        else shown.add(findCatalogueMetric(metric)?.name ?? metric);
      }
    };
    const ofPanels = specifications.flatMap(({ queries: ofPanel }) => ofPanel);
    for (const { expr } of ofPanels) add(interpolateVariables(expr));
    const dark = metricCatalogue.filter(({ name, purpose }) => purpose === 'dashboard' && !shown.has(name));
    expect(dark.map(({ name }) => name)).toEqual([]);
  });

  it('use exactly the variables that their dashboard defines', () => {
    for (const { spec, dashboard } of built) {
      const defined = (dashboard.templating.list ?? []).map(({ name }) => name);
      const text = JSON.stringify([spec.rows, annotations, spec.uid, dashboard.links]);
      const used = [...text.matchAll(/\$\{?(site|member|client|console|runbooks)\b/g)].map(
        ([, name]) => name,
      );
      expect([...new Set(used)].filter((name) => !defined.includes(name ?? ''))).toEqual([]);
      expect(defined.filter((name) => name !== 'datasource' && !used.includes(name))).toEqual([]);
    }
  });
});

describe('graphs', () => {
  const graphs = specifications.filter(({ kind }) => kind === 'timeseries');

  it('show a line at the bound of each alert that compares a recorded series with a number', () => {
    const bounds = alertRules(ruleFiles).flatMap(({ alert, expr }) => {
      const [, rule = '', bound] =
        /^([a-z_0-9]+(?::[a-zA-Z_0-9]+)+) [<>]=? ([\d.]+)\b/.exec(expr.trim()) ?? [];
      return recorded.has(rule) ? [{ alert, rule, bound: Number(bound) }] : [];
    });
    expect(bounds.length).toBeGreaterThan(5);
    const missing = bounds.flatMap(({ alert, rule, bound }) =>
      graphs
        .filter(({ queries: shown }) => shown.some(({ expr }) => expr.startsWith(`${rule}{`)))
        .filter(({ thresholds = [] }) => !thresholds.some(([from]) => from === bound))
        .map(({ title }) => `${title} has no line at ${bound}, the bound of ${alert}`),
    );
    expect(missing).toEqual([]);
  });

  it('have the last and the highest value of each series in their legend, the highest first', () => {
    const shown = built.flatMap(({ panels }) => panels.filter(({ type }) => type === 'timeseries'));
    expect(shown.length).toBe(graphs.length);
    for (const { options } of shown)
      expect(options?.legend).toMatchObject({
        showLegend: true,
        calcs: ['lastNotNull', 'max'],
        sortBy: 'Max',
        sortDesc: true,
      });
  });
});

describe('the first row of the overview', () => {
  const [panel] = overviewPanels();

  it('is a table with one line for each member', () => {
    expect(panel?.title).toBe('Members');
    const [merge, organize] = panel?.transformations ?? [];
    expect(merge?.id).toBe('merge');
    const { renameByName, excludeByName, indexByName } = organize!.options;
    const columns =
      'Member,Site,State,May be stopped now,Version,Clients,Lag,Sync p99,Loop p99,Processor,Disk used,Uptime';
    const byPlace = Object.keys(indexByName!).sort((one, other) => indexByName![one]! - indexByName![other]!);
    expect(byPlace.map((field) => renameByName![field])).toEqual([...columns.split(','), 'Console']);
    // Each value is either shown or hidden.
    const values = panel!.targets!.map(({ refId }) => `Value #${refId}`);
    expect(values.filter((name) => !(name in renameByName!) && !(name in excludeByName!))).toEqual([]);
    // Grafana merges the lines by the labels that all results have.
    for (const expr of panel!.targets!.map((target) => target.expr))
      expect(expr).toMatch(/by \(site, member|^member:/);
  });

  it('links each member to its dashboard and its web console', () => {
    const links = JSON.stringify(panel?.fieldConfig?.overrides);
    expect(links).toContain(
      '/d/mqtt-cluster-member?var-site=${__data.fields.Site}&var-member=${__value.raw}',
    );
    expect(links).toContain('"http://${__value.raw}/"');
  });

  it('shows for a member that must not be stopped a text for each reason of the metric', () => {
    const { reason } = memberMetrics.stopBlocked.values;
    const column = overview.rows[0]!.panels[0]!.tableColumns!.find(({ title }) => /stopped/.test(title))!;
    const factors = [...column.expr!.matchAll(/reason="(\w+)"} \* (\d)/g)];
    expect(factors.map(([, name]) => name)).toEqual(reason);
    for (const [, , factor] of factors) expect(column.valueTexts![factor!]![0]).toMatch(/^no: /);
  });
});

test('the table of firing alerts links each alert to the runbook that Prometheus serves', () => {
  const { dashboard, panels } = built[0]!;
  const alerts = panels.find(({ title }) => title === 'Firing alerts');
  expect(JSON.stringify(alerts?.fieldConfig?.overrides)).toContain(
    '${runbooks}/user/runbooks/${__value.raw}.md',
  );
  const variable = (dashboard.templating.list ?? []).find(({ name }) => name === 'runbooks');
  const sample = 'up{external_url="http://10.0.0.150:9090",instance="10.0.0.150:9090",job="prometheus"} 1 1';
  expect(new RegExp(variable!.regex!.slice(1, -1)).exec(sample)?.[1]).toBe('http://10.0.0.150:9090');
});

describe.each(built)('the dashboard "$spec.title"', ({ spec, dashboard, panels }) => {
  it('equals its committed JSON file', () => {
    const path = join(monitoring, 'grafana', 'dashboards', `${spec.uid}.json`);
    expect(readFileSync(path, 'utf8')).toBe(renderDashboard(spec));
  });

  it('has panels with unique ids that fill the width and do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const [index, { title, gridPos }] of panels.entries()) {
      const hidden = panels.slice(index + 1).filter((other) => overlap(gridPos, other.gridPos));
      expect([title, gridPos.x + gridPos.w <= 24, hidden]).toEqual([title, true, []]);
    }
    const heights = new Map<number, number>();
    for (const { gridPos } of panels) heights.set(gridPos.y, (heights.get(gridPos.y) ?? 0) + gridPos.w);
    expect([...heights].filter(([, width]) => width !== 24)).toEqual([]);
    const uneven = panels.filter(({ gridPos }) =>
      panels.some((other) => other.gridPos.y === gridPos.y && other.gridPos.h !== gridPos.h),
    );
    expect(uneven.map(({ title }) => title)).toEqual([]);
  });

  it('has a title, a description, a unit and the selected data source on every panel', () => {
    for (const panel of panels.filter(({ type }) => type !== 'row')) {
      expect(panel.title).not.toBe('');
      expect(`${panel.title}: ${panel.description ?? ''}`).toMatch(/: \S.{8,}/);
      expect([panel.title, panel.fieldConfig?.defaults.unit]).toEqual([
        panel.title,
        expect.stringMatching(/./),
      ]);
      expect(panel.datasource?.uid).toBe('${datasource}');
      expect(panel.targets?.map(({ datasource }) => datasource.uid)).not.toContainEqual(
        expect.not.stringMatching(/^\$\{datasource\}$/),
      );
      expect(new Set(panel.targets?.map(({ refId }) => refId)).size).toBe(panel.targets?.length);
    }
  });

  it('links to the web console of a member that Prometheus reaches', () => {
    expect(dashboard.links).toContainEqual(
      expect.objectContaining({ type: 'link', url: 'http://${console}/' }),
    );
    const variable = (dashboard.templating.list ?? []).find(({ name }) => name === 'console');
    const members = spec.oneMember === true ? 'site=~"$site",member=~"$member"' : 'site=~"$site"';
    expect(JSON.stringify(variable?.query)).toContain(JSON.stringify(members).slice(1, -1));
    const [, address] =
      new RegExp(variable!.regex!.slice(1, -1)).exec('up{instance="10.0.0.51:9100"} 1 1') ?? [];
    expect(address).toBe('10.0.0.51:9100');
  });

  it('links only to existing dashboards, and has the tag mqtt-cluster', () => {
    const uids = dashboards.map(({ uid }) => uid);
    const leads = [...JSON.stringify(dashboard).matchAll(/\/d\/([\w-]+)/g)].map(([, uid]) => uid);
    expect(leads.filter((uid) => !uids.includes(uid as never))).toEqual([]);
    expect(dashboard.tags).toContain('mqtt-cluster');
  });
});

describe('the folder of dashboards', () => {
  it('contains one file per dashboard and no other file', () => {
    const files = readdirSync(join(monitoring, 'grafana', 'dashboards')).sort();
    expect(files).toEqual(dashboards.map(({ uid }) => `${uid}.json`).sort());
  });
});
