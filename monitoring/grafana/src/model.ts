/** Specifications of dashboards, independent of Grafana's JSON model. */

export interface PanelQuery {
  readonly expr: string;
  /** Grafana template for the name of a series; empty for a panel without legends. */
  readonly legend: string;
}

export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'purple' | 'text';

/**
 * `stat`: the last value, large. `timeline`: states as coloured bars. `matrix`: a table of pairs of members. `rows`: a
 * table with one line for each member.
 */
type PanelKind = 'timeseries' | 'stat' | 'timeline' | 'table' | 'matrix' | 'heatmap' | 'rows';

/** Colours of ranges of a value, by the lower bound of each range; null: the range has no lower bound. */
export type Thresholds = readonly (readonly [from: number | null, color: Color])[];

/** Texts and colours that a panel shows instead of values, by value. */
export type ValueTexts = Readonly<Record<string, readonly [text: string, color: Color]>>;

export interface CellLink {
  readonly title: string;
  /** Grafana template; `${__data.fields.NAME}` is the value of another column of the line. */
  readonly url: string;
}

/** A column of a panel with the kind `rows`. */
export interface TableColumn {
  readonly title: string;
  /** Query with one sample for each member, with the labels `site` and `member`. Absent for a label of all queries. */
  readonly expr?: string;
  /** The column shows this label instead of the value. */
  readonly label?: string;
  readonly unit?: Unit;
  readonly decimals?: number;
  /** Width in pixels; by default columns share the width. */
  readonly width?: number;
  readonly thresholds?: Thresholds;
  readonly valueTexts?: ValueTexts;
  /** `background`: the colour fills the cell. `gauge`: a bar from 0 to 1. By default only the text has the colour. */
  readonly cell?: 'background' | 'gauge';
  readonly links?: readonly CellLink[];
}

export interface PanelSpec {
  readonly kind: PanelKind;
  readonly title: string;
  /** What the panel shows, and which values are expected. */
  readonly description: string;
  /** Grafana's id of the unit. */
  readonly unit: Unit;
  readonly queries: readonly PanelQuery[];
  /** Width of the panel in 24ths of the page width. */
  readonly width: number;
  /** Height of the panel in grid units. All panels of a row have the same height. */
  readonly height?: number;
  /**
   * Why the panel may be empty. Without a reason the test with a live Prometheus requires data from every
   * query.
   */
  readonly emptyWhen?: string;
  /** `timeseries`: a dashed line at each bound. Alerts on a series of a panel have their bound here. */
  readonly thresholds?: Thresholds;
  readonly valueTexts?: ValueTexts;
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  readonly stacked?: boolean;
  /** `stat` only: shows the name of the series instead of its value. */
  readonly showName?: boolean;
  /** `matrix`: the labels of the rows and of the columns. `table`: the labels that it shows. */
  readonly columns?: readonly string[];
  /** `rows`: the columns, in the order of the queries. */
  readonly tableColumns?: readonly TableColumn[];
  /** `table`: links of the cells of a column, by column. */
  readonly cellLinks?: Readonly<Record<string, readonly CellLink[]>>;
  /** Uid of the dashboard with more detail. */
  readonly more?: DashboardUid;
}

/** Numbers, rates, seconds, bytes, ratios (1 is 100 %), and times in milliseconds since 1970. */
type Unit =
  'short' | 'none' | 'si:/s' | 's' | 'bytes' | 'binBps' | 'percentunit' | 'dateTimeFromNow' | 'celsius';

interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

export type DashboardUid =
  | 'mqtt-cluster-overview'
  | 'mqtt-cluster-delivery'
  | 'mqtt-cluster-failover'
  | 'mqtt-cluster-replication'
  | 'mqtt-cluster-member'
  | 'mqtt-cluster-clients';

export interface DashboardSpec {
  readonly uid: DashboardUid;
  readonly title: string;
  readonly description: string;
  /** The reader selects one member at a time, not several. */
  readonly oneMember?: true;
  readonly rows: readonly RowSpec[];
}
