import type { DashboardSpec, PanelSpec } from '../model.ts';
import { alertLine, graph, query, stat } from '../panels.ts';
import { inRange, ofMembers, quantile, rate, recorded, sumBy } from '../queries.ts';
import { memberStates, memberStateTexts } from './states.ts';

const programs = '{job="mqtt-cluster-broker",site=~"$site",member=~"$member"}';

const now: readonly PanelSpec[] = [
  stat('State', 'none', 'Current state of the member.', [query(memberStates(ofMembers), '{{member}}')], {
    valueTexts: memberStateTexts,
  }),
  stat('Started', 'dateTimeFromNow', 'Start time of the process.', [
    query(`${ofMembers('start_time_seconds', 'job="mqtt-cluster-broker"')} * 1000`, '{{member}}'),
  ]),
  stat('Starts of its store', 'none', 'Number of starts of the store since it was created.', [
    query(ofMembers('member_incarnation'), '{{member}}'),
  ]),
  stat(
    'Version',
    'none',
    'Version of the appliance and of Node.',
    [query(ofMembers('build_info'), '{{version}}, Node {{node}}')],
    {
      showName: true,
    },
  ),
  stat(
    'Alarms',
    'none',
    'Alarms in the displayed time range. The member logs an error for each.',
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
    'Next certificate expiry',
    'dateTimeFromNow',
    'Expiry of the certificate and of the revocation list that expire first. Empty without TLS.',
    [
      query(`min(${ofMembers('certificate_expiry_timestamp_seconds')}) * 1000`, 'expires'),
      query(`min(${ofMembers('revocation_list_expiry_timestamp_seconds')}) * 1000`, 'list expires'),
    ],
    { emptyWhen: 'no certificate is configured' },
  ),
];

const clients: readonly PanelSpec[] = [
  graph(
    'Clients and their bound',
    'short',
    'Connected clients. The member rejects clients beyond the bound.',
    [
      query(ofMembers('clients_connected'), '{{member}}'),
      query(ofMembers('clients_max'), '{{member}} bound'),
    ],
  ),
  graph(
    'Rejected connections, by reason',
    'si:/s',
    'Rejected clients per second. draining and taken_over are normal; client_limit, rate_limited and session_limit are bounds.',
    [query(sumBy('reason', rate(ofMembers('connection_refusals_total'))), '{{reason}}')],
    { thresholds: alertLine(1) },
  ),
  graph(
    'Limits reached',
    'si:/s',
    'Connections per second that a limit refused, closed, paused or delayed. The log names the clients and addresses.',
    [query(sumBy('limit', rate(ofMembers('client_limit_hits_total'))), '{{limit}}')],
    { thresholds: alertLine(0.2) },
  ),
  graph(
    'Connections without authentication',
    'short',
    'Beyond the bound the member closes those of the address that holds most.',
    [
      query(ofMembers('unauthenticated_connections'), '{{member}}'),
      query(`min(${ofMembers('unauthenticated_connections_max')})`, 'bound'),
    ],
  ),
  graph(
    'Bytes held by connections',
    'percentunit',
    'Share of the bound of each kind. Near the bound the member pauses or closes the connections that hold most.',
    [
      query(
        `max by (buffer) (${ofMembers('client_buffer_bytes')} / ${ofMembers('client_buffer_bytes_max')})`,
        '{{buffer}}',
      ),
    ],
    { max: 1 },
  ),
  graph('Bytes from and to clients', 'binBps', 'Bytes per second at the sockets.', [
    query(sumBy('member', rate(ofMembers('received_bytes_total'))), '{{member}} received'),
    query(sumBy('member', rate(ofMembers('sent_bytes_total'))), '{{member}} sent'),
  ]),
];

const logins: readonly PanelSpec[] = [
  graph(
    'Logins, by provider and result',
    'si:/s',
    'Logins per second. credentials: wrong password or token. busy and limited: bounds. remembered: no hash was needed.',
    [
      query(sumBy('provider, result', rate(ofMembers('authentications_total'))), '{{provider}} {{result}}'),
      query(sumBy('member', rate(ofMembers('password_cache_hits_total'))), '{{member}} remembered'),
    ],
    { width: 6 },
  ),
  graph(
    'Logins that wait for a hash',
    'short',
    'Logins in the queue of the hash threads. At 512 the member refuses further ones as busy.',
    [query(ofMembers('password_hash_queue_length'), '{{member}}')],
    { width: 6 },
  ),
  graph(
    'Password hash time',
    's',
    'Time of a thread for the hashes of one login.',
    [query(quantile(0.99, 'member', ofMembers('password_hash_seconds_bucket')), '{{member}} p99')],
    { width: 6, emptyWhen: 'no password was checked' },
  ),
  graph(
    'Refused files',
    'none',
    'Files of the configuration whose changed content is invalid. Their former content stays in force.',
    [query(sumBy('setting', ofMembers('file_refused')), '{{setting}}')],
    { width: 6, emptyWhen: 'no file is configured' },
  ),
];

const machine: readonly PanelSpec[] = [
  graph(
    'Processor',
    'percentunit',
    'Share of one core. Near 100 % the processor is the bottleneck: move clients to other members.',
    [query(sumBy('member', `rate(process_cpu_seconds_total${programs}[$__rate_interval])`), '{{member}}')],
    { max: 1 },
  ),
  graph(
    'Event loop delay',
    's',
    'Delay of timers. When the delay exceeds the election timeout, the peers treat the member as failed.',
    [
      query(
        quantile(0.5, 'member', ofMembers('event_loop_delay_seconds_bucket', 'job="mqtt-cluster-broker"')),
        '{{member}} p50',
      ),
      query(
        recorded('member:mqtt_cluster_event_loop_delay_seconds:p99_5m', 'member=~"$member"'),
        '{{member}} p99 of 5 min',
      ),
    ],
    { thresholds: alertLine(0.2) },
  ),
  graph(
    'Memory',
    'bytes',
    'Resident memory and the heap of JavaScript objects, with their limits. From 80 % on the member rejects new clients.',
    [
      query(ofMembers('memory_used_bytes'), '{{member}} {{kind}}'),
      query(`min by (kind) (${ofMembers('memory_limit_bytes')})`, '{{kind}} limit'),
      query(
        `${ofMembers('memory_used_bytes', 'kind="rss"')} * on (site, member) group_left ${ofMembers('memory_pressure', 'effect="refuse_clients"')}`,
        '{{member}} rejects clients',
      ),
    ],
  ),
  graph('Open files', 'none', 'Open file descriptors, sockets included, and their bound.', [
    query(sumBy('member', `process_open_fds${programs}`), '{{member}}'),
    query(`min(process_max_fds${programs})`, 'bound'),
  ]),
  graph('Syncs', 'si:/s', 'Syncs of the journal per second. One sync covers all writes that waited for it.', [
    query(sumBy('member', rate(ofMembers('store_sync_seconds_count'))), '{{member}}'),
  ]),
  graph(
    'Sync time',
    's',
    'Duration of a sync. An acknowledgement waits for the syncs of a majority.',
    [
      query(quantile(0.5, 'member', ofMembers('store_sync_seconds_bucket')), '{{member}} p50'),
      query(
        recorded('member:mqtt_cluster_store_sync_seconds:p99_5m', 'member=~"$member"'),
        '{{member}} p99 of 5 min',
      ),
    ],
    { thresholds: alertLine(0.25) },
  ),
  graph('Store', 'bytes', 'Bytes of the store on the disk, by part.', [
    query(sumBy('part', ofMembers('store_bytes')), '{{part}}'),
  ]),
  graph(
    'Data disk',
    'percentunit',
    'Used share. A member with a full disk rejects publishes; it never sends a false acknowledgement.',
    [query(`1 - ${ofMembers('data_disk_free_bytes')} / ${ofMembers('data_disk_size_bytes')}`, '{{member}}')],
    { max: 1, thresholds: alertLine(0.95) },
  ),
  graph(
    'Failed writes',
    'si:/s',
    'Writes that the disk rejected. The store retries each; the member acknowledges nothing meanwhile. Expected: 0.',
    [query(sumBy('member', rate(ofMembers('store_writes_refused_total'))), '{{member}}')],
  ),
];

const ofNode = (metric: string, more = ''): string =>
  `${metric}{job="node",site=~"$site",member=~"$member"${more === '' ? '' : `,${more}`}}`;
const real = 'fstype!~"tmpfs|ramfs|vfat|fuse.*"';
const needsExporter = { emptyWhen: 'no node exporter is scraped' };

/** From the node exporter, which the playbooks install on every host. */
const hostPanels: readonly PanelSpec[] = [
  graph(
    'File systems',
    'percentunit',
    'Used space and inodes of each file system. Alerts fire at 95 %, and a day before a file system is full.',
    [
      query(
        `1 - ${ofNode('node_filesystem_avail_bytes', real)} / ${ofNode('node_filesystem_size_bytes', real)}`,
        '{{mountpoint}} space',
      ),
      query(
        `1 - ${ofNode('node_filesystem_files_free', real)} / ${ofNode('node_filesystem_files', real)}`,
        '{{mountpoint}} inodes',
      ),
    ],
    { ...needsExporter, max: 1, thresholds: alertLine(0.95) },
  ),
  graph(
    'Processor and memory of the host',
    'percentunit',
    'Busy share of all processors, and memory that is not available. The alert fires at 90 % of the memory.',
    [
      query(
        `1 - avg by (member) (rate(${ofNode('node_cpu_seconds_total', 'mode="idle"')}[$__rate_interval]))`,
        'processor',
      ),
      query(
        `1 - ${ofNode('node_memory_MemAvailable_bytes')} / ${ofNode('node_memory_MemTotal_bytes')}`,
        'memory',
      ),
      query(
        `rate(${ofNode('node_pressure_memory_waiting_seconds_total')}[$__rate_interval])`,
        'waits for memory',
      ),
    ],
    { ...needsExporter, max: 1, thresholds: alertLine(0.9) },
  ),
  graph(
    'Clock',
    's',
    'Offset from the time server, and difference from the clock of Prometheus, which includes the time of a scrape.',
    [
      query(`abs(${ofNode('node_timex_offset_seconds')})`, 'offset'),
      query(
        `abs(${ofNode('node_time_seconds')} - timestamp(${ofNode('node_time_seconds')}))`,
        'to Prometheus',
      ),
    ],
    { ...needsExporter, thresholds: alertLine(5) },
  ),
  graph(
    'Temperature',
    'celsius',
    'Sensors of the host. The alert fires 5 °C below the critical temperature of a sensor.',
    [
      query(ofNode('node_hwmon_temp_celsius'), '{{chip}} {{sensor}}'),
      query(ofNode('node_thermal_zone_temp'), '{{type}}'),
    ],
    { width: 12, emptyWhen: 'the host has no sensors' },
  ),
  graph(
    'Failed units and RAID disks',
    'none',
    'Units that systemd has given up, and failed disks of arrays. Expected: 0.',
    [
      query(`sum by (member) (${ofNode('node_systemd_unit_state', 'state="failed"')})`, 'failed units'),
      query(`sum by (device) (${ofNode('node_md_disks', 'state="failed"')})`, '{{device}} failed disks'),
    ],
    { ...needsExporter, width: 12, thresholds: alertLine(1) },
  ),
];

export const member: DashboardSpec = {
  uid: 'mqtt-cluster-member',
  title: 'MQTT Cluster: Member',
  description: 'Clients, processor, memory and disk of one member.',
  oneMember: true,
  rows: [
    { title: 'Now', panels: now },
    { title: 'Clients', panels: clients },
    { title: 'Logins', panels: logins },
    { title: 'Machine', panels: machine },
    { title: 'Host', panels: hostPanels },
  ],
};
