import type { DashboardSpec, PanelSpec } from '../model.ts';
import { graph, query, stat } from '../panels.ts';
import { inRange, ofMembers, ofSite, quantile, rate, recorded, sumBy } from '../queries.ts';

const pairs: readonly PanelSpec[] = [
  {
    kind: 'matrix',
    title: 'Lag: leader and its peers',
    description:
      'Entries that the member of a column lacks, by the books of the leader, which is the only row. Well near 0.',
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
      'From the member of a row to that of a column. A red column is a slow host, a red cell a slow link.',
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
    description: 'Whether the member of a row has both its connections to that of a column.',
    unit: 'none',
    width: 12,
    height: 9,
    queries: [query(ofSite('bridge_up'), '')],
    columns: ['member', 'peer'],
    words: { '1': ['up', 'green'], '0': ['down', 'red'] },
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
    'Entries that each member lacks. A peak after a start is catching up; a slope is a member that cannot keep up.',
    [query(recorded('member:mqtt_cluster_lag_entries:max', 'member=~"$member"'), '{{member}}')],
  ),
  graph(
    'Entries a second',
    'si:/s',
    'How fast the log grows (committed) and each member applies it. Lines lie on each other when all is well.',
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
    'Proposals that wait',
    'short',
    'Commands of each home that are not yet applied. Grows where the leader or the majority is slow.',
    [query(sumBy('member', ofMembers('proposals_pending')), '{{member}}')],
  ),
  graph(
    'Log in memory and its bound',
    'bytes',
    'At the bound a snapshot cuts it; who lags behind the cut gets a snapshot.',
    [
      query(sumBy('member', ofMembers('raft_log_bytes')), '{{member}}'),
      query(`max by (site) (${ofSite('raft_log_bytes_max')})`, '{{site}} bound'),
    ],
  ),
  graph(
    'Term',
    'none',
    'Each election raises it.',
    [query(sumBy('member', ofMembers('raft_term')), '{{member}}')],
    { more: 'mqtt-cluster-failover' },
  ),
  graph('Voters and learners', 'none', 'Members of the cluster as the log names them.', [
    query(`max by (site, role) (${ofSite('raft_members')})`, '{{site}} {{role}}s'),
  ]),
];

const agreement: readonly PanelSpec[] = [
  stat(
    'States agree',
    'none',
    'Each member compares its state with its peers at the same index.',
    [query(ofMembers('state_digests_agree'), '{{member}}')],
    { width: 12, words: { '1': ['yes', 'green'], '0': ['NO', 'red'] } },
  ),
  stat(
    'Alarms',
    'none',
    'Things that should not be, in the time shown. Each is an error line in the log of its member.',
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
    'Taken, sent and installed in the time of one point. Installed: a member was far behind or new.',
    [query(sumBy('action', `increase(${ofMembers('snapshots_total')}[$__rate_interval])`), '{{action}}')],
  ),
  graph(
    'Size of the last snapshot',
    'bytes',
    'What a new member must load.',
    [query(`max by (action) (${ofMembers('snapshot_last_bytes')})`, '{{action}}')],
    { emptyWhen: 'no snapshot yet' },
  ),
  graph(
    'Pause for a snapshot',
    's',
    'How long nothing else ran in a member that took or installed one (p99).',
    [query(quantile(0.99, 'action', ofMembers('snapshot_seconds_bucket')), '{{action}}')],
    { emptyWhen: 'no snapshot was taken or installed' },
  ),
];

const bridges: readonly PanelSpec[] = [
  graph(
    'Bytes between members',
    'binBps',
    'Sent and received by the chosen members.',
    [query(sumBy('member, direction', rate(ofMembers('bridge_bytes_total'))), '{{member}} {{direction}}')],
    { width: 12 },
  ),
  graph(
    'Waiting to be sent',
    'bytes',
    'To each peer. It grows where a peer or link is slow; beyond the bound of a channel messages are dropped.',
    [
      query(`max by (member, peer) (${ofMembers('bridge_backlog_bytes')})`, '{{member}} to {{peer}}'),
      query(`max by (channel) (${ofSite('bridge_backlog_bytes_max')})`, 'bound of {{channel}}'),
    ],
    { width: 12 },
  ),
  graph(
    'Not sent, by channel',
    'si:/s',
    'raft and log are sent again later. live is QoS 0 and lost to the clients there.',
    [query(sumBy('channel', rate(ofMembers('bridge_dropped_messages_total'))), '{{channel}}')],
  ),
  graph('Wrong frames', 'none', 'Frames of peers that were refused, in the time of one point. Well at 0.', [
    query(
      sumBy('member, peer', `increase(${ofMembers('bridge_refused_frames_total')}[$__rate_interval])`),
      '{{member}} of {{peer}}',
    ),
  ]),
  graph('Connections made', 'si:/s', 'To each peer. A steady rate is a link that flaps.', [
    query(sumBy('peer', rate(ofMembers('bridge_connects_total'))), 'to {{peer}}'),
  ]),
];

export const replication: DashboardSpec = {
  uid: 'mqtt-cluster-replication',
  title: 'MQTT Cluster: Replication',
  description: 'The log, its copies, and the links between members.',
  rows: [
    { title: 'Each with each', panels: pairs },
    { title: 'Log', panels: log },
    { title: 'Agreement and snapshots', panels: agreement },
    { title: 'Links', panels: bridges },
  ],
};
