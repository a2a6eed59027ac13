import type { Color } from './model.ts';
import { ofSite } from './queries.ts';

export interface EventSpec {
  readonly title: string;
  /** A sample at each moment at which it happened. */
  readonly expr: string;
  /** Grafana's template for what is said. */
  readonly text: string;
  readonly color: Color;
  /** Marked unless the reader switches it off. */
  readonly shown: boolean;
}

/** What happened, as marks across all panels of a dashboard. A mark stands at the first scrape that saw it. */
export const annotations: readonly EventSpec[] = [
  {
    title: 'Leader elected',
    expr: `${ofSite('raft_is_leader')} == 1 unless ${ofSite('raft_is_leader')} offset 15s == 1`,
    text: '{{member}} leads',
    color: 'blue',
    shown: true,
  },
  {
    title: 'Member started',
    expr: `changes(${ofSite('start_time_seconds', 'job="mqtt-cluster-broker"')}[15s]) > 0`,
    text: '{{member}} was started',
    color: 'purple',
    shown: true,
  },
  {
    title: 'Member lost',
    expr: 'up{job="mqtt-cluster-broker",site=~"$site"} == 0 and up{job="mqtt-cluster-broker",site=~"$site"} offset 15s == 1',
    text: '{{member}} does not answer',
    color: 'red',
    shown: true,
  },
  {
    title: 'Application moved',
    expr: `increase(${ofSite('client_failovers_total')}[15s]) > 0`,
    text: '{{client}} moved to another member',
    color: 'orange',
    shown: true,
  },
  {
    title: 'Alert',
    expr: 'ALERTS{alertstate="firing",severity=~"critical|warning",site=~"$site"}',
    text: '{{alertname}} {{member}}{{client}}',
    color: 'yellow',
    shown: false,
  },
];
