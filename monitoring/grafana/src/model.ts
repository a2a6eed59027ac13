/** What a dashboard shows, apart from how Grafana writes it down. */

export interface PanelQuery {
  readonly expr: string;
  /** Grafana's template for a series' name; empty where a panel shows none. */
  readonly legend: string;
}

export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'purple' | 'text';

/** `kind` `stat`: the newest value, large. `timeline`: states as coloured bars. `matrix`: a row and a column per member. */
export type PanelKind = 'timeseries' | 'stat' | 'timeline' | 'table' | 'matrix' | 'heatmap';

export interface PanelSpec {
  readonly kind: PanelKind;
  readonly title: string;
  /** What is seen, what is good, where to look next. */
  readonly description: string;
  /** Grafana's id of a unit. */
  readonly unit: Unit;
  readonly queries: readonly PanelQuery[];
  /** In 24ths of the page. */
  readonly width: number;
  /** In rows of the grid; a row's panels are equally high. */
  readonly height?: number;
  /** Why no data is no fault here; without it the test against a real Prometheus wants data from every query. */
  readonly emptyWhen?: string;
  /** From which value on which colour; null: from the lowest on. */
  readonly thresholds?: readonly (readonly [from: number | null, color: Color])[];
  /** Words for values. */
  readonly words?: Readonly<Record<string, readonly [text: string, color: Color]>>;
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  readonly stacked?: boolean;
  /** `stat`: shows the name of the series, not its value. */
  readonly showName?: boolean;
  /** `matrix`: the labels of its rows and columns. `table`: the labels it shows. */
  readonly columns?: readonly string[];
  /** Uid of the dashboard that tells more. */
  readonly more?: DashboardUid;
}

/** Plain numbers, rates, seconds, bytes, shares of one, and points in time as seconds since 1970. */
export type Unit = 'short' | 'none' | 'si:/s' | 's' | 'bytes' | 'binBps' | 'percentunit' | 'dateTimeFromNow';

export interface RowSpec {
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
  /** One member is chosen at a time, not several. */
  readonly oneMember?: true;
  readonly rows: readonly RowSpec[];
}
