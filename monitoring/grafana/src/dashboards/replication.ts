import type { DashboardSpec, PanelSpec } from '../model.ts';
import { alertLine, graph, query, stat } from '../panels.ts';
import { inRange, ofMembers, ofSite, quantile, rate, recorded, sumBy } from '../queries.ts';

const pairs: readonly PanelSpec[] = [
  {
    kind: 'matrix',
    title: 'Lag of each peer',
    description:
      'Entries that the member of each column lacks, as the leader counts them. The leader is the only row. Expected: near 0.',
    unit: 'short',
    width: 24,
    height: 4,
    queries: [query(ofSite('raft_peer_lag_entries'), '')],
    columns: ['member', 'peer'],
    thresholds: [
      [null, 'green'],
      [100, 'yellow'],
      [1_000, 'red'],
    ],
  },
  {
    kind: 'matrix',
    title: 'Round trips',
    description:
      'Round trip from the member of the row to the member of the column. A red column shows a slow host, a red cell a slow link.',
    unit: 's',
    width: 12,
    height: 9,
    queries: [query(ofSite('bridge_round_trip_seconds'), '')],
    columns: ['member', 'peer'],
    thresholds: [
      [null, 'green'],
      [0.02, 'yellow'],
      [0.1, 'red'],
    ],
  },
  {
    kind: 'matrix',
    title: 'Links',
    description: 'Whether both connections from the member of the row to the member of the column are up.',
    unit: 'none',
    width: 12,
    height: 9,
    queries: [query(ofSite('bridge_up'), '')],
    columns: ['member', 'peer'],
    valueTexts: { '1': ['up', 'green'], '0': ['down', 'red'] },
    thresholds: [
      [null, 'red'],
      [1, 'green'],
    ],
  },
];

const log: readonly PanelSpec[] = [
  graph(
    'Lag',
    'short',
    'Entries that each member lacks. A peak after a start is a catch-up. Steady growth shows a member that cannot keep up.',
    [query(recorded('member:mqtt_cluster_lag_entries:max', 'member=~"$member"'), '{{member}}')],
    { thresholds: alertLine(1_000) },
  ),
  graph(
    'Entries per second',
    'si:/s',
    'Growth of the log (committed), and entries that each member applies. Expected: all lines are equal.',
    [
      query(
        `max by (site) (rate(${ofSite('raft_log_index', 'position="committed"')}[$__rate_interval]))`,
        '{{site}} committed',
      ),
      query(
        `rate(${ofMembers('raft_log_index', 'position="applied"')}[$__rate_interval])`,
        '{{member}} applied',
      ),
    ],
  ),
  graph(
    'Pending proposals',
    'short',
    'Commands of each home that are not applied yet. The number grows when the leader or the majority is slow.',
    [query(sumBy('member', ofMembers('proposals_pending')), '{{member}}')],
  ),
  graph(
    'Log in memory and its bound',
    'bytes',
    'At the bound the member takes a snapshot and truncates its log. A peer that lacks truncated entries gets the snapshot.',
    [
      query(sumBy('member', ofMembers('raft_log_bytes')), '{{member}}'),
      query(`max by (site) (${ofSite('raft_log_bytes_max')})`, '{{site}} bound'),
    ],
  ),
  graph(
    'Term',
    'none',
    'Each election increases the term.',
    [query(sumBy('member', ofMembers('raft_term')), '{{member}}')],
    { more: 'mqtt-cluster-failover' },
  ),
  graph('Voters and learners', 'none', 'Members of the cluster as the log lists them.', [
    query(`max by (site, role) (${ofSite('raft_members')})`, '{{site}} {{role}}s'),
  ]),
];

const agreement: readonly PanelSpec[] = [
  stat(
    'States agree',
    'none',
    'Each member compares the digest of its state with its peers at the same index.',
    [query(ofMembers('state_digests_agree'), '{{member}}')],
    { width: 12, valueTexts: { '1': ['yes', 'green'], '0': ['NO', 'red'] } },
  ),
  stat(
    'Alarms',
    'none',
    'Violated internal assumptions in the displayed time range. The member logs an error for each.',
    [query(sumBy('member', inRange(ofMembers('alarms_total'))), '{{member}}')],
    {
      width: 12,
      decimals: 0,
      thresholds: [
        [null, 'green'],
        [0.5, 'red'],
      ],
    },
  ),
  graph(
    'Snapshots',
    'none',
    'Snapshots taken, sent and installed within one interval of the graph. A new member, or a member that was far behind, installs a snapshot.',
    [query(sumBy('action', `increase(${ofMembers('snapshots_total')}[$__rate_interval])`), '{{action}}')],
  ),
  graph(
    'Size of the last snapshot',
    'bytes',
    'Bytes that a new member must load.',
    [query(`max by (action) (${ofMembers('snapshot_last_bytes')})`, '{{action}}')],
    { emptyWhen: 'no snapshot yet' },
  ),
  graph(
    'Pause for a snapshot',
    's',
    'Duration of the turn in which a member began to take, or installed, a snapshot (99th percentile). Nothing else ran meanwhile.',
    [query(quantile(0.99, 'action', ofMembers('snapshot_seconds_bucket')), '{{action}}')],
    { emptyWhen: 'no snapshot was taken or installed' },
  ),
];

const bridges: readonly PanelSpec[] = [
  graph(
    'Bytes between members',
    'binBps',
    'Bytes per second that the selected members send to and receive from their peers.',
    [query(sumBy('member, direction', rate(ofMembers('bridge_bytes_total'))), '{{member}} {{direction}}')],
    { width: 12 },
  ),
  graph(
    'Backlog of the links',
    'bytes',
    'Bytes that wait to be sent to each peer. The backlog grows when a peer or link is slow. Beyond its bound a channel drops messages.',
    [
      query(`max by (member, peer) (${ofMembers('bridge_backlog_bytes')})`, '{{member}} to {{peer}}'),
      query(`max by (channel) (${ofSite('bridge_backlog_bytes_max')})`, '{{channel}} bound'),
    ],
    { width: 12 },
  ),
  graph(
    'Dropped messages, by channel',
    'si:/s',
    'Messages of raft and log are sent again later. Messages of live are QoS 0: the clients of that peer lose them.',
    [query(sumBy('channel', rate(ofMembers('bridge_dropped_messages_total'))), '{{channel}}')],
  ),
  graph(
    'Invalid frames',
    'none',
    'Frames of peers that were rejected within one interval of the graph. Expected: 0.',
    [
      query(
        sumBy('member, peer', `increase(${ofMembers('bridge_refused_frames_total')}[$__rate_interval])`),
        '{{member}} from {{peer}}',
      ),
    ],
  ),
  graph(
    'Connections made',
    'si:/s',
    'Connections per second to each peer; a steady rate shows an unstable link. Refused: connections to the cluster port ' +
      'that were closed before they were accepted as a peer.',
    [
      query(sumBy('peer', rate(ofMembers('bridge_connects_total'))), 'to {{peer}}'),
      query(sumBy('reason', rate(ofMembers('bridge_refused_connections_total'))), 'refused: {{reason}}'),
    ],
  ),
];

export const replication: DashboardSpec = {
  uid: 'mqtt-cluster-replication',
  title: 'MQTT Cluster: Replication',
  description: 'The log, its replicas, and the links between members.',
  rows: [
    { title: 'Pairs of members', panels: pairs },
    { title: 'Log', panels: log },
    { title: 'State digests and snapshots', panels: agreement },
    { title: 'Links', panels: bridges },
  ],
};
