import type { DashboardSpec, PanelSpec } from '../model.ts';
import { inRange, ofClients, ofMembers, ofSite, recorded, sumBy } from '../queries.ts';
import { memberStates, stateWords } from './states.ts';

const wellWhen = (good: string): string => `Well when ${good}.`;

const isItWell: readonly PanelSpec[] = [
  {
    kind: 'stat',
    title: 'Failures to spare',
    description: `How many more members may fail before nothing is acknowledged any more. ${wellWhen('2 or more')} At 0 the next failure stops the cluster; below 0 it has stopped.`,
    unit: 'none',
    width: 4,
    queries: [{ expr: recorded('site:mqtt_cluster_majority_margin:count'), legend: '{{site}}' }],
    thresholds: [
      [null, 'red'],
      [0, 'orange'],
      [1, 'yellow'],
      [2, 'green'],
    ],
    more: 'mqtt-cluster-failover',
  },
  {
    kind: 'stat',
    title: 'Serving members',
    description: `Members that serve with a majority. ${wellWhen('it is the number of hosts')}`,
    unit: 'none',
    width: 4,
    queries: [{ expr: recorded('site:mqtt_cluster_members_serving:sum'), legend: '{{site}}' }],
    thresholds: [[null, 'text']],
    more: 'mqtt-cluster-failover',
  },
  {
    kind: 'stat',
    title: 'Leader',
    description:
      'The member that orders the log now. None for a moment is an election; none for long is an alert.',
    unit: 'none',
    width: 4,
    queries: [{ expr: `${ofSite('raft_is_leader')} == 1`, legend: '{{member}}' }],
    showName: true,
    thresholds: [[null, 'text']],
    more: 'mqtt-cluster-replication',
  },
  {
    kind: 'stat',
    title: 'Delivered, QoS 1 and 2',
    description: `Of the telemetry that the applications should have had since they started, what came. Publishers number their messages, so this is exact. ${wellWhen('100 %')}`,
    unit: 'percentunit',
    decimals: 3,
    width: 4,
    queries: [
      { expr: recorded('site_qos:mqtt_cluster_client_delivery:ratio', 'qos=~"1|2"'), legend: 'QoS {{qos}}' },
    ],
    thresholds: [
      [null, 'red'],
      [0.9999, 'orange'],
      [1, 'green'],
    ],
    more: 'mqtt-cluster-clients',
  },
  {
    kind: 'stat',
    title: 'QoS 2 came twice',
    description: `Repeats of QoS 2 messages that applications saw in the time shown. ${wellWhen('0')}`,
    unit: 'none',
    decimals: 0,
    width: 4,
    queries: [
      { expr: `sum(${inRange(ofClients('client_duplicates_total', 'qos="2"'))})`, legend: 'repeats' },
    ],
    thresholds: [
      [null, 'green'],
      [0.5, 'red'],
    ],
    more: 'mqtt-cluster-clients',
  },
  {
    kind: 'stat',
    title: 'Alerts',
    description: `Alerts that fire now, but for mere news. ${wellWhen('0')} The table below names them.`,
    unit: 'none',
    width: 4,
    queries: [
      {
        expr: 'count(ALERTS{alertstate="firing",severity=~"critical|warning",site=~"$site"}) or vector(0)',
        legend: 'alerts',
      },
    ],
    thresholds: [
      [null, 'green'],
      [1, 'orange'],
      [3, 'red'],
    ],
  },
];

const whatIsTheRisk: readonly PanelSpec[] = [
  {
    kind: 'stat',
    title: 'Worst lag',
    description:
      'Entries of the log that the slowest member lacks. A few at any moment; thousands are an alert.',
    unit: 'short',
    width: 4,
    queries: [{ expr: recorded('site:mqtt_cluster_lag_entries:max'), legend: '{{site}}' }],
    thresholds: [
      [null, 'green'],
      [100, 'yellow'],
      [1_000, 'red'],
    ],
    more: 'mqtt-cluster-replication',
  },
  {
    kind: 'stat',
    title: 'Degraded acks',
    description:
      'QoS 1 acks in the time shown that only one disk stood for when they were given (P1). 0 unless a member was cut off.',
    unit: 'short',
    decimals: 0,
    width: 4,
    queries: [
      { expr: `sum(${inRange(ofSite('publish_acks_total', 'durability="degraded"'))})`, legend: 'acks' },
    ],
    thresholds: [
      [null, 'green'],
      [0.5, 'orange'],
    ],
    more: 'mqtt-cluster-delivery',
  },
  {
    kind: 'stat',
    title: 'Queues used',
    description:
      'Share of the bound of queued bytes that offline sessions use. At the bound messages are dropped or refused (P9).',
    unit: 'percentunit',
    width: 4,
    queries: [
      {
        expr: `max by (site) (${ofSite('queued_bytes')}) / max by (site) (${ofSite('queued_bytes_max')})`,
        legend: '{{site}}',
      },
    ],
    thresholds: [
      [null, 'green'],
      [0.5, 'yellow'],
      [0.8, 'red'],
    ],
    more: 'mqtt-cluster-delivery',
  },
  {
    kind: 'stat',
    title: 'Fullest disk',
    description: 'Free share of the data disk that has the least. A full disk means refusal (P9).',
    unit: 'percentunit',
    width: 4,
    queries: [
      {
        expr: `min by (site) (${ofSite('data_disk_free_bytes')} / ${ofSite('data_disk_size_bytes')})`,
        legend: '{{site}}',
      },
    ],
    thresholds: [
      [null, 'red'],
      [0.05, 'orange'],
      [0.2, 'green'],
    ],
    more: 'mqtt-cluster-member',
  },
  {
    kind: 'stat',
    title: 'State of the members agrees',
    description: '1 when every member finds the same state as its peers at the same index, byte for byte.',
    unit: 'none',
    width: 4,
    queries: [{ expr: recorded('site:mqtt_cluster_state_digests_agree:min'), legend: '{{site}}' }],
    words: { '1': ['yes', 'green'], '0': ['NO', 'red'] },
    thresholds: [[null, 'text']],
    more: 'mqtt-cluster-replication',
  },
  {
    kind: 'stat',
    title: 'First certificate to end',
    description: 'When the first certificate of any member or application ends. Empty without TLS.',
    unit: 'dateTimeFromNow',
    width: 4,
    queries: [{ expr: `min(${ofSite('certificate_expiry_timestamp_seconds')}) * 1000`, legend: 'ends' }],
    emptyWhen: 'no certificate is configured',
    thresholds: [[null, 'text']],
    more: 'mqtt-cluster-member',
  },
];

const whatHappened: readonly PanelSpec[] = [
  {
    kind: 'timeline',
    title: 'Members',
    description: 'What each member did when. A hole: it was down, or not measured.',
    unit: 'none',
    width: 12,
    height: 8,
    queries: [{ expr: memberStates(ofMembers), legend: '{{member}}' }],
    words: stateWords,
    more: 'mqtt-cluster-failover',
  },
  {
    kind: 'table',
    title: 'Alerts that fire',
    description: 'Their runbooks are in Prometheus under /user/runbooks.',
    unit: 'none',
    width: 12,
    height: 8,
    queries: [{ expr: 'ALERTS{alertstate="firing",site=~"$site"}', legend: '' }],
    columns: ['alertname', 'severity', 'site', 'member', 'client'],
    emptyWhen: 'no alert fires',
  },
  {
    kind: 'timeseries',
    title: 'Messages from and to clients',
    description:
      'PUBLISH packets a second, of all QoS levels. Going to nothing while publishers live is an outage.',
    unit: 'si:/s',
    width: 12,
    height: 8,
    min: 0,
    queries: [
      {
        expr: sumBy('site', recorded('site_qos:mqtt_cluster_publishes_received:rate1m')),
        legend: '{{site}} from publishers',
      },
      {
        expr: sumBy('site', recorded('site_qos:mqtt_cluster_publishes_sent:rate1m')),
        legend: '{{site}} to subscribers',
      },
    ],
    more: 'mqtt-cluster-delivery',
  },
  {
    kind: 'timeseries',
    title: 'What the last failure cost',
    description:
      'The longest gap of any application within ten minutes, to the bound of a bucket. P8: under 1 s when a process dies, under 3 s when a host goes silent.',
    unit: 's',
    width: 12,
    height: 8,
    min: 0,
    queries: [
      { expr: recorded('site:mqtt_cluster_client_gap_seconds:p100_10m'), legend: '{{site}} worst' },
      { expr: `max by (client) (${ofClients('client_last_gap_seconds')})`, legend: '{{client}} last' },
    ],
    thresholds: [
      [null, 'green'],
      [1, 'orange'],
      [3, 'red'],
    ],
    more: 'mqtt-cluster-failover',
  },
];

export const overview: DashboardSpec = {
  uid: 'mqtt-cluster-overview',
  title: 'MQTT Cluster: Overview',
  description: 'Is it well, what is the risk, what happened.',
  rows: [
    { title: 'Is it well?', panels: isItWell },
    { title: 'What is the risk?', panels: whatIsTheRisk },
    { title: 'What happened?', panels: whatHappened },
  ],
};
