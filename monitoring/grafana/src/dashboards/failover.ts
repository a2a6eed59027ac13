import type { DashboardSpec, PanelSpec } from '../model.ts';
import { graph, query, stat } from '../panels.ts';
import { inRange, ofClients, ofMembers, ofSite, rate, recorded, sumBy } from '../queries.ts';
import { memberStates, stateWords } from './states.ts';

const timeline: readonly PanelSpec[] = [
  {
    kind: 'timeline',
    title: 'Members',
    description: 'What each member did when. A hole: it was down, or not measured.',
    unit: 'none',
    width: 24,
    height: 9,
    queries: [query(memberStates(ofMembers), '{{member}}')],
    words: stateWords,
    more: 'mqtt-cluster-member',
  },
  {
    kind: 'timeline',
    title: 'Who led',
    description: 'One bar at a time is green: the leader. Grey follows a leader, red knows none.',
    unit: 'none',
    width: 24,
    height: 9,
    queries: [
      query(
        sumBy('site, member', `${ofMembers('raft_is_leader')} + ${ofMembers('raft_leader_known')}`),
        '{{member}}',
      ),
    ],
    words: { '2': ['leads', 'green'], '1': ['follows', 'text'], '0': ['knows no leader', 'red'] },
    more: 'mqtt-cluster-replication',
  },
  {
    kind: 'timeline',
    title: 'Where applications were connected',
    description: 'Each application and the members it was connected to. A change is a failover.',
    unit: 'none',
    width: 24,
    height: 7,
    queries: [query(`${ofClients('client_server_info')}`, '{{client}} at {{server}}')],
    words: { '1': ['connected', 'green'], '0': ['left', 'text'] },
    more: 'mqtt-cluster-clients',
  },
];

const cost: readonly PanelSpec[] = [
  stat(
    'Failovers of applications',
    'none',
    'In the time shown.',
    [query(`sum(${inRange(ofClients('client_failovers_total'))})`, 'failovers')],
    { decimals: 0 },
  ),
  stat(
    'Worst gap of ten minutes',
    's',
    'To the bound of a bucket. P8: under 1 s when a process dies, under 3 s when a host goes silent.',
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
    'p99 gap of a day',
    's',
    'Of all gaps of all applications. P8 wants it under 1 s for deaths of processes.',
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
    'Of the last ten minutes. Well at 0.',
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
    'Started in the time shown. One or two for each leader that is lost.',
    [query(`sum(${inRange(ofSite('raft_elections_total'))})`, 'elections')],
    { decimals: 0 },
  ),
  stat(
    'Failures to spare',
    'none',
    'How many more members may fail.',
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
    description: 'How long connections were away, by when they came back.',
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
    'Stays until the next one. 0: none yet.',
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
    'Elections and changes of leader',
    'none',
    'In the time of one point. Without a dead leader, look at event loop and links.',
    [
      query(
        sumBy('member', `increase(${ofMembers('raft_elections_total')}[$__rate_interval])`),
        'election by {{member}}',
      ),
      query(
        `max by (site) (increase(${ofMembers('raft_leader_changes_total')}[$__rate_interval]))`,
        'leader changed, {{site}}',
      ),
    ],
  ),
  graph(
    'Term',
    'none',
    'Each election raises it. A staircase without end is an alert.',
    [query(`max by (site) (${ofSite('raft_term')})`, '{{site}}')],
    { more: 'mqtt-cluster-replication' },
  ),
  graph(
    'Starts',
    'none',
    'How often each store has been started: a step is a restart.',
    [query(sumBy('member', ofMembers('member_incarnation')), '{{member}}')],
    { more: 'mqtt-cluster-member' },
  ),
  graph(
    'Links that are down',
    'none',
    'How many peers see no link to each member. Well when empty.',
    [query(recorded('member:mqtt_cluster_links_down:count', 'member=~"$member"'), '{{member}}')],
    { emptyWhen: 'every link is up', more: 'mqtt-cluster-replication' },
  ),
  graph(
    'Connections that ended, by reason',
    'si:/s',
    'client: DISCONNECT. network: the socket closed. home_lost, isolated, draining, snapshot_installed: ours.',
    [query(sumBy('reason', rate(ofMembers('disconnects_total'))), '{{reason}}')],
  ),
  graph(
    'Connects',
    'si:/s',
    'Clients that were let in, by MQTT version. A peak after a failure is its clients coming back.',
    [query(sumBy('protocol', rate(ofMembers('connects_total'))), 'MQTT {{protocol}}')],
  ),
];

export const failover: DashboardSpec = {
  uid: 'mqtt-cluster-failover',
  title: 'MQTT Cluster: Failover',
  description: 'Who was there, who led, who moved, and what it cost.',
  rows: [
    { title: 'What happened when', panels: timeline },
    { title: 'What it cost', panels: cost },
    { title: 'Why', panels: causes },
  ],
};
