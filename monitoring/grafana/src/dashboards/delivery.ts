import type { DashboardSpec, PanelSpec } from '../model.ts';
import { alertLine, graph, query } from '../panels.ts';
import { inRange, ofClients, ofMembers, ofSite, quantile, rate, recorded, sumBy } from '../queries.ts';

const throughput: readonly PanelSpec[] = [
  graph(
    'From publishers, by QoS',
    'si:/s',
    'PUBLISH packets per second that the selected members receive from clients, redelivered ones included.',
    [query(sumBy('qos', rate(ofMembers('publishes_received_total'))), 'QoS {{qos}}')],
  ),
  graph(
    'To subscribers, by QoS',
    'si:/s',
    'PUBLISH packets per second that the selected members send to clients, by the QoS of delivery.',
    [query(sumBy('qos', rate(ofMembers('publishes_sent_total'))), 'QoS {{qos}}')],
  ),
  graph(
    'Acknowledgements to publishers, by durability',
    'si:/s',
    'majority: the message is on the disks of a majority (P1). degraded: the message is on the disk of one isolated member only.',
    [query(sumBy('durability', rate(ofMembers('publish_acks_total'))), '{{durability}}')],
  ),
];

const quality: readonly PanelSpec[] = [
  graph(
    'Delivery ratio',
    'percentunit',
    'Share of the expected telemetry that the applications received since they started. Expected: 100 % for QoS 1 and 2. QoS 0 may lose messages in a failover.',
    [query(recorded('site_qos:mqtt_cluster_client_delivery:ratio'), '{{site}} QoS {{qos}}')],
    { max: 1, decimals: 3, more: 'mqtt-cluster-clients' },
  ),
  graph(
    'Share of degraded acknowledgements',
    'percentunit',
    'Acknowledgements of the last five minutes whose message was on one disk only. Expected: 0.',
    [query(recorded('site:mqtt_cluster_degraded_acks:ratio_rate5m'), '{{site}}')],
    { max: 1 },
  ),
  graph(
    'Dropped messages, by reason',
    'short',
    'Messages in the displayed time range that a client does not receive because of a bound (P9). expired: the publisher set the expiry. Every other reason needs attention.',
    [query(sumBy('reason', inRange(ofSite('dropped_messages_total'))), '{{reason}}')],
  ),
  graph(
    'Rejected publishes and subscriptions',
    'si:/s',
    'Publishes and filters that were rejected: a bound was reached (quota), the client has no permission, or the topic is not allowed.',
    [
      query(sumBy('reason', rate(ofMembers('publish_refusals_total'))), 'publish: {{reason}}'),
      query(
        sumBy('member', rate(ofMembers('subscription_refusals_total'))),
        'filter on {{member}}: not_authorized',
      ),
    ],
  ),
  graph(
    'Missing messages',
    'none',
    'Messages whose numbers were skipped and that have not arrived. Expected for QoS 1 and 2: 0.',
    [query(sumBy('client, qos', ofClients('client_missing_messages')), '{{client}} QoS {{qos}}')],
  ),
  graph(
    'Duplicates',
    'si:/s',
    'Duplicates that applications received. QoS 1 may be redelivered; QoS 0 and 2 may not.',
    [query(sumBy('client, qos', rate(ofClients('client_duplicates_total'))), '{{client}} QoS {{qos}}')],
  ),
];

const latency: readonly PanelSpec[] = [
  graph(
    'Commit: proposal to apply at the home',
    's',
    'Time from the proposal of a batch until its home applies it. A QoS 1 acknowledgement waits for this. A member with a longer time than the others has a slow disk, link or processor.',
    [
      query(quantile(0.5, '', ofMembers('commit_seconds_bucket')), 'p50, all members'),
      query(recorded('member:mqtt_cluster_commit_seconds:p99_5m', 'member=~"$member"'), 'p99, {{member}}'),
    ],
    { more: 'mqtt-cluster-replication', thresholds: alertLine(0.5) },
  ),
  graph(
    'Delivery: arrival at the home to the socket of a client',
    's',
    'A sample of the QoS 1 and 2 messages from a publisher to a subscriber of the same home, so that one clock measures both times.',
    [
      query(quantile(0.5, '', ofMembers('delivery_seconds_bucket')), 'p50'),
      query(quantile(0.99, '', ofMembers('delivery_seconds_bucket')), 'p99'),
    ],
  ),
  graph(
    'Session open: CONNECT to CONNACK',
    's',
    'Time from an accepted CONNECT to its CONNACK. A failover includes this time. present: the session existed before.',
    [
      query(quantile(0.99, 'session', ofMembers('session_open_seconds_bucket')), 'p99, {{session}}'),
      query(recorded('site:mqtt_cluster_session_open_seconds:p99_5m'), 'p99 of 5 min, {{site}}'),
    ],
    { emptyWhen: 'no client connected', thresholds: alertLine(1) },
  ),
  {
    kind: 'heatmap',
    title: 'Commit, all batches',
    description:
      'Distribution of the commit time. A second band above the first shows a slower member or disk.',
    unit: 's',
    width: 12,
    height: 8,
    queries: [query(sumBy('le', rate(ofMembers('commit_seconds_bucket'))), '{{le}}')],
  },
  {
    kind: 'heatmap',
    title: 'Delivery, all samples',
    description:
      'Distribution of the time from the arrival of a message to the first client of the same member.',
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
    'persistent: messages queued for persistent sessions in the whole cluster, counted once per session. clean: messages for clean sessions that wait for room in the in-flight window.',
    [
      query(`max by (site) (${ofSite('queued_messages')})`, '{{site}} persistent'),
      query(sumBy('site', ofMembers('home_queued_messages')), '{{site}} clean'),
    ],
  ),
  graph(
    'Queued bytes and their bound',
    'bytes',
    'Each message body counted once. At the bound the cluster drops messages or rejects publishes.',
    [
      query(`max by (site) (${ofSite('queued_bytes')})`, '{{site}} used'),
      query(`max by (site) (${ofSite('queued_bytes_max')})`, '{{site}} bound'),
    ],
  ),
  graph('In flight', 'short', 'Messages sent to clients and not acknowledged yet.', [
    query(sumBy('member', ofMembers('in_flight_messages')), '{{member}}'),
  ]),
  graph(
    'Outbox',
    'bytes',
    'QoS 1 messages that were acknowledged without a majority and are not replicated yet (P1), and the bound.',
    [
      query(sumBy('member', ofMembers('outbox_bytes')), '{{member}}'),
      query(`max by (site) (${ofSite('outbox_bytes_max')})`, 'bound'),
    ],
    { width: 6 },
  ),
  graph(
    'Outbox, batches',
    'short',
    'Batches in the outbox. Returns to 0 after a partition heals.',
    [query(sumBy('member', ofMembers('outbox_batches')), '{{member}}')],
    { width: 6 },
  ),
  graph(
    'Publishes that wait for a majority',
    'short',
    'Publishes at isolated members without an acknowledgement (P1). Returns to 0 after a partition heals.',
    [query(sumBy('member, qos', ofMembers('held_publishes')), '{{member}} QoS {{qos}}')],
    { width: 6 },
  ),
  graph(
    'Bound of the queue of one session',
    'short',
    'Messages that one session may queue while its client is offline.',
    [query(`max by (site) (${ofSite('session_queue_messages_max')})`, '{{site}}')],
    { width: 6 },
  ),
  graph(
    'Memory of the replicated state, share of the bounds',
    'percentunit',
    'Queues, retained messages, subscriptions and wills with names, properties and overhead. At the bound the largest queue loses messages; filters, retained messages and wills are refused (P9).',
    [
      query(
        `max by (site, kind) (${ofSite('state_bytes')}) / max by (site, kind) (${ofSite('state_bytes_max')})`,
        '{{site}} {{kind}}',
      ),
    ],
    { width: 12, thresholds: alertLine(0.8) },
  ),
  graph(
    'Memory of connected clients, share of the bounds',
    'percentunit',
    'Subscriptions and queues that only the home of the clients holds.',
    [query(`${ofMembers('home_bytes')} / ${ofMembers('home_bytes_max')}`, '{{member}} {{kind}}')],
    { width: 12 },
  ),
];

const held: readonly PanelSpec[] = [
  graph('Sessions', 'short', 'Sessions in the cluster, and their bound. Equal on every member.', [
    query(`max by (site) (${ofSite('sessions')})`, '{{site}}'),
    query(`max by (site) (${ofSite('sessions_max')})`, '{{site}} bound'),
  ]),
  graph(
    'Retained messages',
    'short',
    'Equal on every serving member (P5). A lasting difference raises an alert.',
    [
      query(sumBy('member', ofMembers('retained_messages')), '{{member}}'),
      query(`max by (site) (${ofSite('retained_messages_max')})`, '{{site}} bound'),
    ],
  ),
  graph(
    'Subscriptions',
    'short',
    'Replicated subscriptions (of persistent sessions, and shared), and subscriptions of connected clients.',
    [
      query(`max by (site) (${ofSite('subscriptions')})`, '{{site}} replicated'),
      query(sumBy('site', ofMembers('home_subscriptions')), '{{site}} of connected clients'),
    ],
  ),
  graph('Ended sessions', 'si:/s', 'Sessions per second that expired or that their clients ended.', [
    query(sumBy('site', rate(ofSite('sessions_ended_total'))), '{{site}}'),
  ]),
  graph(
    'Wills',
    'short',
    'Wills published in the displayed time range. home: the home of the client detected the disconnect. cluster: the cluster published the will because the home failed (P6).',
    [query(sumBy('by', inRange(ofSite('wills_fired_total'))), 'by {{by}}')],
  ),
  graph(
    'Takeovers',
    'si:/s',
    'Connections closed because the same client id connected again (P4). A steady rate means that two devices share an id.',
    [query(sumBy('site', rate(ofSite('takeovers_total'))), '{{site}}')],
    { thresholds: alertLine(1) },
  ),
];

export const delivery: DashboardSpec = {
  uid: 'mqtt-cluster-delivery',
  title: 'MQTT Cluster: Delivery and QoS',
  description: 'Throughput, delivery, latency and queues.',
  rows: [
    { title: 'Throughput', panels: throughput },
    { title: 'Quality', panels: quality },
    { title: 'Latency', panels: latency },
    { title: 'Queues', panels: waiting },
    { title: 'Sessions, retained messages, wills', panels: held },
  ],
};
