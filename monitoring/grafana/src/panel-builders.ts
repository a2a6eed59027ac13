import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueTextMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  TableCellDisplayMode,
  TooltipDisplayMode,
  SortOrder,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  FieldColorBuilder,
  FieldColorModeId,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  HeatmapColorOptionsBuilder,
  PanelBuilder as Heatmap,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as Timeseries } from '@grafana/grafana-foundation-sdk/timeseries';
import { cellLinks, mapping, thresholds } from './field-options.ts';
import type { DashboardUid, PanelSpec } from './model.ts';
import { rowsTable } from './rows-table.ts';

/** The Prometheus that the reader selects at the top of the page. */
export const datasource: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

const heightDefault = 4;

type AnyPanel = Stat | StateTimeline | Table | Timeseries | Heatmap;

/** @param id unique in the dashboard. */
export function buildPanel(spec: PanelSpec, id: number): Builder<Panel> {
  const panel = kinds[spec.kind](spec);
  panel
    .id(id)
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .span(spec.width)
    .height(spec.height ?? heightDefault)
    .unit(spec.unit)
    .noValue(spec.emptyWhen === undefined ? 'no data' : '–')
    .targets(spec.queries.map((_, index) => target(spec, index)));
  if (spec.decimals !== undefined) panel.decimals(spec.decimals);
  if (spec.min !== undefined) panel.min(spec.min);
  if (spec.max !== undefined) panel.max(spec.max);
  if (spec.thresholds !== undefined) panel.thresholds(thresholds(spec.thresholds));
  if (spec.valueTexts !== undefined) panel.mappings([mapping(spec.valueTexts)]);
  if (spec.more !== undefined) panel.links([linkTo(spec.more)]);
  return { build: () => deleteFooterOption(panel.build()) };
}

/** Deletes a table option of the SDK that Grafana's schema no longer has. */
function deleteFooterOption(panel: Panel): Panel {
  delete (panel.options as Record<string, unknown>)['footer'];
  return panel;
}

function target({ kind, queries }: PanelSpec, index: number): Builder<Dataquery> {
  const { expr = '', legend = '' } = queries[index] ?? {};
  const query = new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .datasource(datasource)
    .expr(expr)
    .legendFormat(legend);
  if (kind === 'table' || kind === 'matrix' || kind === 'rows')
    return query.instant().format(PromQueryFormat.Table);
  return kind === 'heatmap' ? query.range().format(PromQueryFormat.Heatmap) : query.range();
}

const kinds: Readonly<Record<PanelSpec['kind'], (spec: PanelSpec) => AnyPanel>> = {
  stat: ({ showName }) =>
    new Stat()
      .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
      .colorMode(BigValueColorMode.Value)
      .textMode(showName === true ? BigValueTextMode.Name : BigValueTextMode.Auto)
      .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds)),

  timeline: () =>
    new StateTimeline()
      .mergeValues(true)
      .showValue(VisibilityMode.Auto)
      .rowHeight(0.85)
      .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
      .legend(
        new VizLegendOptionsBuilder()
          .showLegend(false)
          .displayMode(LegendDisplayMode.List)
          .placement(LegendPlacement.Bottom)
          .calcs([]),
      ),

  // The legend is a table, so that the last and the highest value of many series are in columns.
  timeseries: ({ thresholds: steps }) => {
    const panel = new Timeseries()
      .lineWidth(1)
      .fillOpacity(8)
      .showPoints(VisibilityMode.Never)
      .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
      .legend(
        new VizLegendOptionsBuilder()
          .showLegend(true)
          .displayMode(LegendDisplayMode.Table)
          .placement(LegendPlacement.Bottom)
          .calcs(['lastNotNull', 'max'])
          // The legend of many members is longer than its place, so the member with the highest value is first.
          .sortBy('Max')
          .sortDesc(true),
      );
    if (steps === undefined) return panel;
    return panel.thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed),
    );
  },

  heatmap: ({ unit }) =>
    new Heatmap()
      .calculate(false)
      .yAxis(new YAxisConfigBuilder().unit(unit))
      .color(new HeatmapColorOptionsBuilder().scheme('Oranges').steps(32)),

  table: ({ columns = [], cellLinks: links = {} }) => {
    const names = { include: { names: columns } };
    const panel = new Table().transformations([{ id: 'filterFieldsByName', options: names }]);
    for (const [column, ofColumn] of Object.entries(links))
      panel.overrideByName(column, [cellLinks(ofColumn)]);
    return panel;
  },

  rows: ({ tableColumns = [] }) => rowsTable(tableColumns),

  matrix: ({ columns: [rowField, columnField] = [] }) =>
    new Table()
      .displayMode(TableCellDisplayMode.ColorBackground)
      .cellOptions({ type: TableCellDisplayMode.ColorBackground })
      .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
      .transformations([{ id: 'groupingToMatrix', options: { rowField, columnField, valueField: 'Value' } }]),
};

function linkTo(uid: DashboardUid): DashboardLinkBuilder {
  return new DashboardLinkBuilder('More')
    .url(`/d/${uid}?\${__url_time_range}&\${site:queryparam}`)
    .targetBlank(false);
}
