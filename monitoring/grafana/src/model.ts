/** Specifications of dashboards, independent of Grafana's JSON model. */

export interface PanelQuery {
  readonly expr: string;
  /** Grafana template for the name of a series; empty for a panel without legends. */
  readonly legend: string;
}

export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'purple' | 'text';

/** `stat`: the last value, large. `timeline`: states as coloured bars. `matrix`: a table of pairs of members. */
type PanelKind = 'timeseries' | 'stat' | 'timeline' | 'table' | 'matrix' | 'heatmap';

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
  /** Colours of ranges of the value, by the lower bound of each range; null: the range has no lower bound. */
  readonly thresholds?: readonly (readonly [from: number | null, color: Color])[];
  /** Texts and colours that the panel shows instead of values, by value. */
  readonly valueTexts?: Readonly<Record<string, readonly [text: string, color: Color]>>;
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  readonly stacked?: boolean;
  /** `stat` only: shows the name of the series instead of its value. */
  readonly showName?: boolean;
  /** `matrix`: the labels of the rows and of the columns. `table`: the labels that it shows. */
  readonly columns?: readonly string[];
  /** Uid of the dashboard with more detail. */
  readonly more?: DashboardUid;
}

/** Numbers, rates, seconds, bytes, ratios (1 is 100 %), and times in milliseconds since 1970. */
type Unit = 'short' | 'none' | 'si:/s' | 's' | 'bytes' | 'binBps' | 'percentunit' | 'dateTimeFromNow';

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
