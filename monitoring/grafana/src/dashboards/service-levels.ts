import type { PanelSpec, Thresholds } from '../model.ts';
import { alertLine, graph, query, stat } from '../panels.ts';
import { recorded } from '../queries.ts';

/** Share that an objective allows (docs/SLO.md). */
const allowed = 0.001;
/** Factor of the fast burn-rate alerts within an hour. */
const fastBurn = 14.4;

const late = (window: string): string => recorded(`site:mqtt_cluster_late_publishes:ratio_rate${window}`);
const gone = (window: string): string => recorded(`site:mqtt_cluster_client_unavailable:ratio_rate${window}`);

const level: Thresholds = [
  [null, 'red'],
  [1 - allowed, 'green'],
];
const budget: Thresholds = [
  [null, 'red'],
  [0, 'orange'],
  [0.25, 'green'],
];

/** Objectives of 30 days, and how fast their error budgets are used (docs/SLO.md). */
export const serviceLevels: readonly PanelSpec[] = [
  stat(
    'Publishes in time, 30 days',
    'percentunit',
    'Share of the QoS 1 and 2 messages of the publishers that were acknowledged within 2.5 s. Objective: 99.9 %.',
    [query(`1 - ${late('30d')}`, '{{site}}')],
    { width: 6, decimals: 3, thresholds: level },
  ),
  stat(
    'Error budget left, publishes',
    'percentunit',
    'Share of the allowed late publishes of 30 days that is left. Below 0 the objective is missed.',
    [query(`1 - ${late('30d')} / ${allowed}`, '{{site}}')],
    { width: 6, decimals: 1, thresholds: budget },
  ),
  stat(
    'Time with a connection, 30 days',
    'percentunit',
    'Share of time in which applications have a connection, mean of all applications. Objective: 99.9 %.',
    [query(`1 - ${gone('30d')}`, '{{site}}')],
    { width: 6, decimals: 3, thresholds: level },
  ),
  stat(
    'Error budget left, connections',
    'percentunit',
    'Share of the allowed time without a connection that is left. Below 0 the objective is missed.',
    [query(`1 - ${gone('30d')} / ${allowed}`, '{{site}}')],
    { width: 6, decimals: 1, thresholds: budget },
  ),
];

/** Use of the error budgets over time. */
export const budgetUse: readonly PanelSpec[] = [
  graph(
    'Late publishes',
    'percentunit',
    'Share of publishes without an acknowledgement within 2.5 s. The line is the bound of the fast alert within an hour.',
    [
      query(late('5m'), '{{site}} 5 min'),
      query(late('1h'), '{{site}} 1 h'),
      query(late('6h'), '{{site}} 6 h'),
    ],
    { width: 12, thresholds: alertLine(fastBurn * allowed), more: 'mqtt-cluster-delivery' },
  ),
  graph(
    'Time without a connection',
    'percentunit',
    'Share of time, mean of all applications. The line is the bound of the fast alert within an hour.',
    [
      query(gone('5m'), '{{site}} 5 min'),
      query(gone('1h'), '{{site}} 1 h'),
      query(gone('6h'), '{{site}} 6 h'),
    ],
    { width: 12, thresholds: alertLine(fastBurn * allowed), more: 'mqtt-cluster-failover' },
  ),
];
