import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { annotations } from './annotations.ts';
import type { DashboardSpec } from './model.ts';
import { buildPanel, datasource } from './panel-builders.ts';

const tag = 'mqtt-cluster';

/** Returns a dashboard in Grafana's JSON model. Order and defaults are fixed: equal specifications give equal bytes. */
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
      new DashboardLinkBuilder('Web console')
        .type(DashboardLinkType.Link)
        .icon('external link')
        .tooltip('The web console of a member that Prometheus reaches')
        .url('http://${console}/')
        .targetBlank(true),
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
  return deleteIntervalOptions(builder.build());
}

/** Deletes the interval options that the SDK adds to every variable: Grafana's schema allows them for intervals only. */
function deleteIntervalOptions(dashboard: Dashboard): Dashboard {
  for (const variable of dashboard.templating.list ?? []) {
    delete variable.auto;
    delete variable.auto_min;
    delete variable.auto_count;
  }
  return dashboard;
}

/** Returns the text of the committed JSON file. */
export function renderDashboard(spec: DashboardSpec): string {
  return `${JSON.stringify(buildDashboard(spec), null, 2)}\n`;
}

/** Adds the variables that the panels use, so that every selection has an effect. */
function addVariables(builder: DashboardBuilder, { rows, oneMember }: DashboardSpec): void {
  const text = JSON.stringify(rows);
  builder.withVariable(
    new DatasourceVariableBuilder('datasource')
      .label('Prometheus')
      .type('prometheus')
      .current({ text: 'Prometheus', value: 'prometheus' }),
  );
  builder.withVariable(labelVariable('site', 'Site', 'up{job="mqtt-cluster-broker"}', true));
  if (text.includes('$member')) {
    const members = 'up{job="mqtt-cluster-broker",site=~"$site"}';
    builder.withVariable(labelVariable('member', 'Member', members, oneMember !== true));
  }
  const reached = text.includes('$member') ? ',member=~"$member"' : '';
  builder.withVariable(consoleVariable(`up{job="mqtt-cluster-broker",site=~"$site"${reached}} == 1`));
  if (text.includes('${runbooks}')) builder.withVariable(runbooksVariable());
  if (text.includes('$client')) {
    const clients = 'mqtt_cluster_client_connected{site=~"$site"}';
    builder.withVariable(labelVariable('client', 'Application', clients, true));
  }
}

/** Returns the hidden variable with the address of a member, for the link to its web console. */
function consoleVariable(members: string): QueryVariableBuilder {
  return hiddenVariable('console', 'Address of the web console', members, 'instance');
}

/** Returns the hidden variable with the URL of Prometheus, which serves the runbooks. */
function runbooksVariable(): QueryVariableBuilder {
  return hiddenVariable('runbooks', 'URL of Prometheus', 'up{job="prometheus"}', 'external_url');
}

/** Returns a hidden variable with the value of a label of the first series. */
function hiddenVariable(name: string, title: string, series: string, label: string): QueryVariableBuilder {
  const query = `query_result(${series})`;
  return new QueryVariableBuilder(name)
    .label(title)
    .datasource(datasource)
    .query({ query, refId: `variable-${name}` })
    .definition(query)
    .regex(`/${label}="([^"]+)"/`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .hide(VariableHide.HideVariable)
    .multi(false)
    .includeAll(false);
}

/** Returns a variable with the values of a label. @param several whether the reader may select several values. */
function labelVariable(
  name: string,
  label: string,
  selector: string,
  several: boolean,
): QueryVariableBuilder {
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
