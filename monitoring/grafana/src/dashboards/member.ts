import type { DashboardSpec, PanelSpec } from '../model.ts';
import { graph, query, stat } from '../panels.ts';
import { inRange, ofMembers, quantile, rate, recorded, sumBy } from '../queries.ts';
import { memberStates, stateWords } from './states.ts';

const programs = '{job="mqtt-cluster-broker",site=~"$site",member=~"$member"}';

const now: readonly PanelSpec[] = [
  stat('State', 'none', 'What it does now.', [query(memberStates(ofMembers), '{{member}}')], {
    words: stateWords,
  }),
  stat('Started', 'dateTimeFromNow', 'When its process was started.', [
    query(`${ofMembers('start_time_seconds')} * 1000`, '{{member}}'),
  ]),
  stat('Starts of its store', 'none', 'How often its store has been started in its life.', [
    query(ofMembers('member_incarnation'), '{{member}}'),
  ]),
  stat(
    'Version',
    'none',
    'Of the appliance and of Node.',
    [query(ofMembers('build_info'), '{{version}}, Node {{node}}')],
    {
      showName: true,
    },
  ),
  stat(
    'Alarms',
    'none',
    'In the time shown. Each is an error line in its log.',
    [query(`sum(${inRange(ofMembers('alarms_total'))})`, 'alarms')],
    {
      decimals: 0,
      thresholds: [
        [null, 'green'],
        [0.5, 'red'],
      ],
    },
  ),
  stat(
    'First certificate to end',
    'dateTimeFromNow',
    'Empty without TLS.',
    [query(`min(${ofMembers('certificate_expiry_timestamp_seconds')}) * 1000`, 'ends')],
    { emptyWhen: 'no certificate is configured' },
  ),
];

const clients: readonly PanelSpec[] = [
  graph('Clients and their bound', 'short', 'Connected now. One more than the bound is refused.', [
    query(ofMembers('clients_connected'), '{{member}}'),
    query(ofMembers('clients_max'), '{{member}} bound'),
  ]),
  graph(
    'Refused connections, by reason',
    'si:/s',
    'Of clients. draining and taken_over are ours; client_limit, rate_limited and session_limit are bounds.',
    [query(sumBy('reason', rate(ofMembers('connection_refusals_total'))), '{{reason}}')],
  ),
  graph('Bytes from and to clients', 'binBps', 'At the sockets.', [
    query(sumBy('member', rate(ofMembers('received_bytes_total'))), '{{member}} received'),
    query(sumBy('member', rate(ofMembers('sent_bytes_total'))), '{{member}} sent'),
  ]),
];

const machine: readonly PanelSpec[] = [
  graph(
    'Processor',
    'percentunit',
    'Share of one core. Near 1 it is the bottleneck: move clients to other members.',
    [query(sumBy('member', `rate(process_cpu_seconds_total${programs}[$__rate_interval])`), '{{member}}')],
    { max: 1 },
  ),
  graph(
    'Event loop delay',
    's',
    'How late the event loop comes. Past the election time-out the member is taken for dead.',
    [
      query(quantile(0.5, 'member', ofMembers('event_loop_delay_seconds_bucket')), '{{member}} p50'),
      query(
        recorded('member:mqtt_cluster_event_loop_delay_seconds:p99_5m', 'member=~"$member"'),
        '{{member}} p99 of 5 min',
      ),
    ],
  ),
  graph(
    'Memory',
    'bytes',
    'Resident, and the part that JavaScript objects use. Levels off; what never does is a leak.',
    [
      query(sumBy('member', `process_resident_memory_bytes${programs}`), '{{member}} resident'),
      query(sumBy('member', `nodejs_heap_size_used_bytes${programs}`), '{{member}} heap'),
    ],
  ),
  graph('Open files', 'none', 'Sockets included.', [
    query(sumBy('member', `process_open_fds${programs}`), '{{member}}'),
    query(`min(process_max_fds${programs})`, 'bound'),
  ]),
  graph('Syncs', 'si:/s', 'How often the journal is synced; one covers all that arrived meanwhile.', [
    query(sumBy('member', rate(ofMembers('store_sync_seconds_count'))), '{{member}}'),
  ]),
  graph('Sync time', 's', 'An ack waits for the syncs of a majority.', [
    query(quantile(0.5, 'member', ofMembers('store_sync_seconds_bucket')), '{{member}} p50'),
    query(
      recorded('member:mqtt_cluster_store_sync_seconds:p99_5m', 'member=~"$member"'),
      '{{member}} p99 of 5 min',
    ),
  ]),
  graph('Store', 'bytes', 'On the disk.', [query(sumBy('part', ofMembers('store_bytes')), '{{part}}')]),
  graph('Data disk', 'bytes', 'Free and all. A full disk means refusal, never a false ack.', [
    query(ofMembers('data_disk_free_bytes'), '{{member}} free'),
    query(ofMembers('data_disk_size_bytes'), '{{member}} size'),
  ]),
  graph(
    'Writes the disk refused',
    'si:/s',
    'Each is tried again; nothing is acknowledged meanwhile. Well at 0.',
    [query(sumBy('member', rate(ofMembers('store_writes_refused_total'))), '{{member}}')],
  ),
];

export const member: DashboardSpec = {
  uid: 'mqtt-cluster-member',
  title: 'MQTT Cluster: Member',
  description: 'One host: its clients, its processor, memory and disk.',
  oneMember: true,
  rows: [
    { title: 'Now', panels: now },
    { title: 'Clients', panels: clients },
    { title: 'Machine', panels: machine },
  ],
};
