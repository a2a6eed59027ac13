import type { DashboardSpec, PanelSpec } from '../model.ts';
import { inRange, ofClients, ofMembers, ofSite, recorded, sumBy } from '../queries.ts';
import { membersTable } from './members-table.ts';
import { budgetUse, serviceLevels } from './service-levels.ts';
import { memberStates, memberStateTexts } from './states.ts';

const expected = (value: string): string => `Expected: ${value}.`;

const health: readonly PanelSpec[] = [
  {
    kind: 'stat',
    title: 'Failures to spare',
    description: `Number of members that may fail before the cluster stops acknowledging. ${expected('2 or more')} At 0 the next failure stops the cluster; below 0 it has stopped.`,
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
    description: `Members that serve as part of a majority. ${expected('the number of hosts')}`,
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
      'The member that leads the Raft log. During an election there is no leader; a longer absence raises an alert.',
    unit: 'none',
    width: 4,
    queries: [{ expr: `${ofSite('raft_is_leader')} == 1`, legend: '{{member}}' }],
    showName: true,
    thresholds: [[null, 'text']],
    more: 'mqtt-cluster-replication',
  },
  {
    kind: 'stat',
    title: 'Delivery ratio, QoS 1 and 2',
    description: `Share of the expected telemetry that the applications received since they started. The publishers number their messages, so the share is exact. ${expected('100 %')}`,
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
    title: 'QoS 2 duplicates',
    description: `Duplicates of QoS 2 messages that applications received in the displayed time range. ${expected('0')}`,
    unit: 'none',
    decimals: 0,
    width: 4,
    queries: [
      { expr: `sum(${inRange(ofClients('client_duplicates_total', 'qos="2"'))})`, legend: 'duplicates' },
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
    description: `Firing alerts of severity critical or warning. ${expected('0')} The table below lists them.`,
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

const risks: readonly PanelSpec[] = [
  {
    kind: 'stat',
    title: 'Largest lag',
    description:
      'Entries of the log that the slowest member lacks. A few are normal; more than 1,000 raise an alert.',
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
    title: 'Degraded acknowledgements',
    description:
      'QoS 1 acknowledgements in the displayed time range whose message was on one disk only (P1). 0 unless a member was isolated.',
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
    title: 'Queue usage',
    description:
      'Share of the bound of queued bytes that offline sessions use. At the bound the cluster drops messages or rejects publishes (P9).',
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
    description: 'Used share of the fullest data disk. A member with a full disk rejects publishes (P9).',
    unit: 'percentunit',
    width: 4,
    queries: [
      {
        expr: `1 - min by (site) (${ofSite('data_disk_free_bytes')} / ${ofSite('data_disk_size_bytes')})`,
        legend: '{{site}}',
      },
    ],
    thresholds: [
      [null, 'green'],
      [0.8, 'orange'],
      [0.95, 'red'],
    ],
    more: 'mqtt-cluster-member',
  },
  {
    kind: 'stat',
    title: 'States agree',
    description: 'yes: every member has the same state as its peers at the same index, byte for byte.',
    unit: 'none',
    width: 4,
    queries: [{ expr: recorded('site:mqtt_cluster_state_digests_agree:min'), legend: '{{site}}' }],
    valueTexts: { '1': ['yes', 'green'], '0': ['NO', 'red'] },
    thresholds: [[null, 'text']],
    more: 'mqtt-cluster-replication',
  },
  {
    kind: 'stat',
    title: 'Next certificate expiry',
    description:
      'Expiry of the certificate that expires first, of any member or application. Empty without TLS.',
    unit: 'dateTimeFromNow',
    width: 4,
    queries: [{ expr: `min(${ofSite('certificate_expiry_timestamp_seconds')}) * 1000`, legend: 'expires' }],
    emptyWhen: 'no certificate is configured',
    thresholds: [[null, 'text']],
    more: 'mqtt-cluster-member',
  },
];

const events: readonly PanelSpec[] = [
  {
    kind: 'timeline',
    title: 'Members',
    description: 'State of each member over time. A gap: the member was down or not scraped.',
    unit: 'none',
    width: 12,
    height: 8,
    queries: [{ expr: memberStates(ofMembers), legend: '{{member}}' }],
    valueTexts: memberStateTexts,
    more: 'mqtt-cluster-failover',
  },
  {
    kind: 'table',
    title: 'Firing alerts',
    description: 'The name of an alert links to its runbook, which Prometheus serves under /user/runbooks.',
    unit: 'none',
    width: 12,
    height: 8,
    queries: [{ expr: 'ALERTS{alertstate="firing",severity!="none",site=~"$site"}', legend: '' }],
    columns: ['alertname', 'severity', 'site', 'member', 'client', 'instance'],
    cellLinks: {
      alertname: [{ title: 'Runbook', url: '${runbooks}/user/runbooks/${__value.raw}.md' }],
      member: [
        {
          title: 'Dashboard of the member',
          url: '/d/mqtt-cluster-member?var-site=${__data.fields.site}&var-member=${__value.raw}&${__url_time_range}',
        },
      ],
    },
    emptyWhen: 'no alert is firing',
  },
  {
    kind: 'timeseries',
    title: 'Messages from and to clients',
    description:
      'PUBLISH packets per second, of all QoS levels. A drop to 0 while publishers run is an outage.',
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
    title: 'Gaps after the last failure',
    description:
      'The longest gap of any application within ten minutes (upper bound of the histogram bucket), and the last gap of each. P8: under 1 s after a process dies, under 3 s after a host goes silent.',
    unit: 's',
    width: 12,
    height: 8,
    min: 0,
    queries: [
      { expr: recorded('site:mqtt_cluster_client_gap_seconds:p100_10m'), legend: '{{site}} longest' },
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
  description:
    'One line for each member, the health of the cluster, risks, recent events and service levels.',
  rows: [
    { title: 'Members', panels: [membersTable] },
    { title: 'Health', panels: health },
    { title: 'Risks', panels: risks },
    { title: 'Events', panels: events },
    { title: 'Service levels', panels: [...serviceLevels, ...budgetUse] },
  ],
};
