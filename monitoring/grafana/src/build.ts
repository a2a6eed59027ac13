import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { annotations } from './annotations.ts';
import type { DashboardSpec } from './model.ts';
import { buildPanel, datasource } from './panel-builders.ts';

const tag = 'mqtt-cluster';

/** What Grafana reads. The order and every default is fixed: the same specification makes the same bytes. */
export function buildDashboard(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags([tag])
    .timezone('browser')
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('10s')
    .links([
      new DashboardLinkBuilder('MQTT Cluster')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .includeVars(true)
        .keepTime(true)
        .asDropdown(false),
    ])
    .annotations(
      annotations.map(({ title, expr, text, color, shown }) =>
        new AnnotationQueryBuilder()
          .name(title)
          .datasource(datasource)
          .enable(shown)
          .iconColor(color)
          .expr(expr)
          .titleFormat(title)
          .textFormat(text)
          .step('5s'),
      ),
    );
  addVariables(builder, spec);
  let id = 0;
  for (const { title, panels } of spec.rows) {
    builder.withRow(new RowBuilder(title).id(++id));
    for (const panel of panels) builder.withPanel(buildPanel(panel, ++id));
  }
  return withoutIntervals(builder.build());
}

/** The SDK gives every variable the options of an interval, which Grafana's own schema does not know for others. */
function withoutIntervals(dashboard: Dashboard): Dashboard {
  for (const variable of dashboard.templating.list ?? []) {
    delete variable.auto;
    delete variable.auto_min;
    delete variable.auto_count;
  }
  return dashboard;
}

/** The committed form. */
export function renderDashboard(spec: DashboardSpec): string {
  return `${JSON.stringify(buildDashboard(spec), null, 2)}\n`;
}

/** Those that its panels ask for, so that no choice is without effect. */
function addVariables(builder: DashboardBuilder, { rows, oneMember }: DashboardSpec): void {
  const asked = JSON.stringify(rows);
  builder.withVariable(
    new DatasourceVariableBuilder('datasource')
      .label('Prometheus')
      .type('prometheus')
      .current({ text: 'Prometheus', value: 'prometheus' }),
  );
  builder.withVariable(choice('site', 'Site', 'up{job="mqtt-cluster-broker"}', true));
  if (asked.includes('$member')) {
    const members = 'up{job="mqtt-cluster-broker",site=~"$site"}';
    builder.withVariable(choice('member', 'Member', members, oneMember !== true));
  }
  if (asked.includes('$client')) {
    const clients = 'mqtt_cluster_client_connected{site=~"$site"}';
    builder.withVariable(choice('client', 'Application', clients, true));
  }
}

/** A label's values to choose from. */
function choice(name: string, label: string, selector: string, several: boolean): QueryVariableBuilder {
  const query = `label_values(${selector}, ${name})`;
  const variable = new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ query, refId: `variable-${name}` })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(several)
    .includeAll(several);
  if (!several) return variable;
  return variable.allValue('.*').current({ text: 'All', value: '$__all' });
}
