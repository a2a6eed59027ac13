import type { Color } from './model.ts';
import { ofSite } from './queries.ts';

export interface AnnotationSpec {
  readonly title: string;
  /** Query with a sample at each time at which the event occurred. */
  readonly expr: string;
  /** Grafana template for the text of the mark. */
  readonly text: string;
  readonly color: Color;
  /** Whether the marks are visible by default. */
  readonly shown: boolean;
}

/** Events that a dashboard marks across all its panels. A mark is at the first scrape that shows the event. */
export const annotations: readonly AnnotationSpec[] = [
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
    text: '{{member}} started',
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
    title: 'Application failover',
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
