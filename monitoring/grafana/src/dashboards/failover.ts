import type { DashboardSpec, PanelSpec } from '../model.ts';
import { graph, query, stat } from '../panels.ts';
import { inRange, ofClients, ofMembers, ofSite, rate, recorded, sumBy } from '../queries.ts';
import { memberStates, memberStateTexts } from './states.ts';

const timeline: readonly PanelSpec[] = [
  {
    kind: 'timeline',
    title: 'Members',
    description: 'State of each member over time. A gap: the member was down or not scraped.',
    unit: 'none',
    width: 24,
    height: 9,
    queries: [query(memberStates(ofMembers), '{{member}}')],
    valueTexts: memberStateTexts,
    more: 'mqtt-cluster-member',
  },
  {
    kind: 'timeline',
    title: 'Leader',
    description: 'Green: the member leads. Grey: the member follows a leader. Red: the member has no leader.',
    unit: 'none',
    width: 24,
    height: 9,
    queries: [
      query(
        sumBy('site, member', `${ofMembers('raft_is_leader')} + ${ofMembers('raft_leader_known')}`),
        '{{member}}',
      ),
    ],
    valueTexts: { '2': ['leads', 'green'], '1': ['follows', 'text'], '0': ['no leader', 'red'] },
    more: 'mqtt-cluster-replication',
  },
  {
    kind: 'timeline',
    title: 'Connections of applications',
    description: 'The members that each application was connected to. A change is a failover.',
    unit: 'none',
    width: 24,
    height: 7,
    queries: [query(`${ofClients('client_server_info')}`, '{{client}} at {{server}}')],
    valueTexts: { '1': ['connected', 'green'], '0': ['left', 'text'] },
    more: 'mqtt-cluster-clients',
  },
];

const cost: readonly PanelSpec[] = [
  stat(
    'Failovers of applications',
    'none',
    'Failovers in the displayed time range.',
    [query(`sum(${inRange(ofClients('client_failovers_total'))})`, 'failovers')],
    { decimals: 0 },
  ),
  stat(
    'Longest gap in 10 min',
    's',
    'The longest gap, as the upper bound of its histogram bucket. P8: under 1 s after a process dies, under 3 s after a host goes silent.',
    [query(recorded('site:mqtt_cluster_client_gap_seconds:p100_10m'), '{{site}}')],
    {
      emptyWhen: 'no gap within ten minutes',
      thresholds: [
        [null, 'green'],
        [1, 'orange'],
        [3, 'red'],
      ],
    },
  ),
  stat(
    'Gaps of a day, 99th percentile',
    's',
    'All gaps of all applications. P8: under 1 s after a process dies.',
    [query(recorded('site:mqtt_cluster_client_gap_seconds:p99_1d'), '{{site}}')],
    {
      emptyWhen: 'no gap within a day',
      thresholds: [
        [null, 'green'],
        [1, 'orange'],
        [3, 'red'],
      ],
    },
  ),
  stat(
    'Gaps over 3 s',
    'none',
    'Gaps of the last ten minutes. Expected: 0.',
    [query(recorded('site:mqtt_cluster_client_gaps_over_3s:increase10m'), '{{site}}')],
    {
      decimals: 0,
      thresholds: [
        [null, 'green'],
        [0.5, 'red'],
      ],
    },
  ),
  stat(
    'Elections',
    'none',
    'Elections started in the displayed time range. Each loss of a leader costs one or two elections.',
    [query(`sum(${inRange(ofSite('raft_elections_total'))})`, 'elections')],
    { decimals: 0 },
  ),
  stat(
    'Failures to spare',
    'none',
    'Number of members that may fail before the cluster stops acknowledging.',
    [query(recorded('site:mqtt_cluster_majority_margin:count'), '{{site}}')],
    {
      thresholds: [
        [null, 'red'],
        [0, 'orange'],
        [1, 'yellow'],
        [2, 'green'],
      ],
    },
  ),
  {
    kind: 'heatmap',
    title: 'Gaps of applications',
    description: 'Distribution of the gaps, at the time when the connection was restored.',
    unit: 's',
    width: 12,
    height: 8,
    queries: [
      query(sumBy('le', `increase(${ofClients('client_gap_seconds_bucket')}[$__rate_interval])`), '{{le}}'),
    ],
  },
  graph(
    'Last gap of each application',
    's',
    'Duration of the last gap. The value stays until the next gap. 0: no gap yet.',
    [query(`max by (client) (${ofClients('client_last_gap_seconds')})`, '{{client}}')],
    {
      width: 12,
      thresholds: [
        [null, 'green'],
        [1, 'orange'],
        [3, 'red'],
      ],
    },
  ),
];

const causes: readonly PanelSpec[] = [
  graph(
    'Elections and leader changes',
    'none',
    'Elections and leader changes within one interval of the graph. If no leader failed, check event loops and links.',
    [
      query(
        sumBy('member', `increase(${ofMembers('raft_elections_total')}[$__rate_interval])`),
        'election by {{member}}',
      ),
      query(
        `max by (site) (increase(${ofMembers('raft_leader_changes_total')}[$__rate_interval]))`,
        'leader change, {{site}}',
      ),
    ],
  ),
  graph(
    'Term',
    'none',
    'Each election increases the term. Continuous growth raises an alert.',
    [query(`max by (site) (${ofSite('raft_term')})`, '{{site}}')],
    { more: 'mqtt-cluster-replication' },
  ),
  graph(
    'Starts of the store',
    'none',
    'Number of starts of each store. Each step is a restart.',
    [query(sumBy('member', ofMembers('member_incarnation')), '{{member}}')],
    { more: 'mqtt-cluster-member' },
  ),
  graph(
    'Links down',
    'none',
    'Number of peers that have no link to each member. Expected: no data.',
    [query(recorded('member:mqtt_cluster_links_down:count', 'member=~"$member"'), '{{member}}')],
    { emptyWhen: 'every link is up', more: 'mqtt-cluster-replication' },
  ),
  graph(
    'Disconnects, by reason',
    'si:/s',
    'client: the client sent DISCONNECT. network: the socket closed. home_lost, isolated, draining, snapshot_installed: the cluster closed the connection.',
    [query(sumBy('reason', rate(ofMembers('disconnects_total'))), '{{reason}}')],
  ),
  graph(
    'Connects',
    'si:/s',
    'Accepted clients per second, by MQTT version. After a failure the clients of the failed member reconnect, which shows as a peak.',
    [query(sumBy('protocol', rate(ofMembers('connects_total'))), 'MQTT {{protocol}}')],
  ),
];

export const failover: DashboardSpec = {
  uid: 'mqtt-cluster-failover',
  title: 'MQTT Cluster: Failover',
  description: 'Members, leader and application connections over time, and the gaps that failovers caused.',
  rows: [
    { title: 'Timeline', panels: timeline },
    { title: 'Gaps', panels: cost },
    { title: 'Causes', panels: causes },
  ],
};
