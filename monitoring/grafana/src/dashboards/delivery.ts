import type { DashboardSpec, PanelSpec } from '../model.ts';
import { graph, query } from '../panels.ts';
import { inRange, ofClients, ofMembers, ofSite, quantile, rate, recorded, sumBy } from '../queries.ts';

const throughput: readonly PanelSpec[] = [
  graph(
    'From publishers, by QoS',
    'si:/s',
    'PUBLISH packets that clients sent to the chosen members, repeats included.',
    [query(sumBy('qos', rate(ofMembers('publishes_received_total'))), 'QoS {{qos}}')],
  ),
  graph(
    'To subscribers, by QoS',
    'si:/s',
    'PUBLISH packets handed to the sockets of clients, by the QoS they were sent with.',
    [query(sumBy('qos', rate(ofMembers('publishes_sent_total'))), 'QoS {{qos}}')],
  ),
  graph(
    'Acks to publishers, by what stands behind them',
    'si:/s',
    'majority: on the disks of a majority, as P1 promises. degraded: on the disk of one member alone, because it was cut off.',
    [query(sumBy('durability', rate(ofMembers('publish_acks_total'))), '{{durability}}')],
  ),
];

const quality: readonly PanelSpec[] = [
  graph(
    'Delivered',
    'percentunit',
    'Of the telemetry that the applications should have had since they started, what came. QoS 1 and 2 are well at 100 % only; QoS 0 may lose in a failover.',
    [query(recorded('site_qos:mqtt_cluster_client_delivery:ratio'), '{{site}} QoS {{qos}}')],
    { max: 1, decimals: 3, more: 'mqtt-cluster-clients' },
  ),
  graph(
    'Degraded share of acks',
    'percentunit',
    'Of the acks of five minutes, those on one disk only. Well at 0.',
    [query(recorded('site:mqtt_cluster_degraded_acks:ratio_rate5m'), '{{site}}')],
    { max: 1 },
  ),
  graph(
    'Dropped, by reason',
    'short',
    'Messages in the time shown that a client will not get because of a bound (P9). expired is the wish of publishers; all else is news.',
    [query(sumBy('reason', inRange(ofSite('dropped_messages_total'))), '{{reason}}')],
  ),
  graph(
    'Refused publishes',
    'si:/s',
    'Publishes that were refused: a bound (quota), no permission, or a topic that is not allowed.',
    [query(sumBy('reason', rate(ofMembers('publish_refusals_total'))), '{{reason}}')],
  ),
  graph('Lost now', 'none', 'Numbers that were skipped and have not come. QoS 1 and 2 are well at 0.', [
    query(sumBy('client, qos', ofClients('client_missing_messages')), '{{client}} QoS {{qos}}'),
  ]),
  graph('Came twice', 'si:/s', 'Repeats that applications saw. QoS 1 may repeat; 0 and 2 may not.', [
    query(sumBy('client, qos', rate(ofClients('client_duplicates_total'))), '{{client}} QoS {{qos}}'),
  ]),
];

const latency: readonly PanelSpec[] = [
  graph(
    'Commit: proposal to applied at its home',
    's',
    'What a QoS 1 ack waits for. The member that waits longer than the others has a slow disk, link or processor.',
    [
      query(quantile(0.5, '', ofMembers('commit_seconds_bucket')), 'p50, all'),
      query(recorded('member:mqtt_cluster_commit_seconds:p99_5m', 'member=~"$member"'), 'p99, {{member}}'),
    ],
    { more: 'mqtt-cluster-replication' },
  ),
  graph(
    'Delivery: arrival at a home to a client’s socket',
    's',
    'QoS 1 and 2, where publisher and subscriber have the same home: one clock. A sample.',
    [
      query(quantile(0.5, '', ofMembers('delivery_seconds_bucket')), 'p50'),
      query(quantile(0.99, '', ofMembers('delivery_seconds_bucket')), 'p99'),
    ],
  ),
  graph(
    'Session open: CONNECT to CONNACK',
    's',
    'Each failover takes this much longer. present: the session was there already.',
    [
      query(quantile(0.99, 'session', ofMembers('session_open_seconds_bucket')), 'p99, {{session}}'),
      query(recorded('site:mqtt_cluster_session_open_seconds:p99_5m'), 'p99 of 5 min, {{site}}'),
    ],
    { emptyWhen: 'nobody connected' },
  ),
  {
    kind: 'heatmap',
    title: 'Commit, all batches',
    description: 'How many batches took how long. A second band above the first is a member or a disk apart.',
    unit: 's',
    width: 12,
    height: 8,
    queries: [query(sumBy('le', rate(ofMembers('commit_seconds_bucket'))), '{{le}}')],
  },
  {
    kind: 'heatmap',
    title: 'Delivery, all samples',
    description: 'How many messages took how long from their arrival to the first client of the same member.',
    unit: 's',
    width: 12,
    height: 8,
    queries: [query(sumBy('le', rate(ofMembers('delivery_seconds_bucket'))), '{{le}}')],
  },
];

const waiting: readonly PanelSpec[] = [
  graph(
    'Queued for sessions',
    'short',
    'Messages that wait for persistent sessions in the whole cluster, each for each session; and those that wait for room in the windows of clean ones.',
    [
      query(`max by (site) (${ofSite('queued_messages')})`, '{{site}} persistent'),
      query(sumBy('site', ofMembers('home_queued_messages')), '{{site}} clean'),
    ],
  ),
  graph(
    'Queued bytes and their bound',
    'bytes',
    'Each body once. At the bound messages are dropped or refused.',
    [
      query(`max by (site) (${ofSite('queued_bytes')})`, '{{site}} used'),
      query(`max by (site) (${ofSite('queued_bytes_max')})`, '{{site}} bound'),
    ],
  ),
  graph('In flight', 'short', 'Messages sent to clients and not yet acknowledged by them.', [
    query(sumBy('member', ofMembers('in_flight_messages')), '{{member}}'),
  ]),
  graph(
    'Outbox',
    'bytes',
    'QoS 1 messages acknowledged without a majority that the cluster does not have yet (P1), and the bound.',
    [
      query(sumBy('member', ofMembers('outbox_bytes')), '{{member}}'),
      query(`max by (site) (${ofSite('outbox_bytes_max')})`, 'bound'),
    ],
  ),
  graph('Outbox, batches', 'short', 'The same in batches. Back to 0 after every heal.', [
    query(sumBy('member', ofMembers('outbox_batches')), '{{member}}'),
  ]),
  graph(
    'Bound of one session’s queue',
    'short',
    'Messages that one session may hold while its client is away.',
    [query(`max by (site) (${ofSite('session_queue_messages_max')})`, '{{site}}')],
  ),
];

const held: readonly PanelSpec[] = [
  graph('Sessions', 'short', 'Sessions in the cluster, and their bound. The same on every member.', [
    query(`max by (site) (${ofSite('sessions')})`, '{{site}}'),
    query(`max by (site) (${ofSite('sessions_max')})`, '{{site}} bound'),
  ]),
  graph(
    'Retained messages',
    'short',
    'The same on every member that serves (P5); lines that part are an alert.',
    [
      query(sumBy('member', ofMembers('retained_messages')), '{{member}}'),
      query(`max by (site) (${ofSite('retained_messages_max')})`, '{{site}} bound'),
    ],
  ),
  graph(
    'Subscriptions',
    'short',
    'Replicated ones: of persistent sessions, and shared. And those of connected clients.',
    [
      query(`max by (site) (${ofSite('subscriptions')})`, '{{site}} replicated'),
      query(sumBy('site', ofMembers('home_subscriptions')), '{{site}} of connected clients'),
    ],
  ),
  graph('Sessions that ended', 'si:/s', 'Expired or ended by their clients.', [
    query(sumBy('site', rate(ofSite('sessions_ended_total'))), '{{site}}'),
  ]),
  graph(
    'Wills',
    'short',
    'Published in the time shown, by who noticed the death: the home of the client, or the cluster because the home was dead (P6).',
    [query(sumBy('by', inRange(ofSite('wills_fired_total'))), 'by {{by}}')],
  ),
  graph(
    'Takeovers',
    'si:/s',
    'Connections closed because the same client id connected again (P4). A steady rate: two devices share an id.',
    [query(sumBy('member', rate(ofMembers('takeovers_total'))), '{{member}}')],
  ),
];

export const delivery: DashboardSpec = {
  uid: 'mqtt-cluster-delivery',
  title: 'MQTT Cluster: Delivery and QoS',
  description: 'What publishers and subscribers get, how fast, and what waits.',
  rows: [
    { title: 'Throughput', panels: throughput },
    { title: 'Quality', panels: quality },
    { title: 'Latency', panels: latency },
    { title: 'What waits', panels: waiting },
    { title: 'What is held', panels: held },
  ],
};
