import type { DashboardSpec, PanelSpec } from '../model.ts';
import { graph, query, stat } from '../panels.ts';
import { ofClients, ofSite, quantile, rate, sumBy } from '../queries.ts';

const application: readonly PanelSpec[] = [
  stat(
    'Connected',
    'none',
    'Whether each application has a connection.',
    [query(ofClients('client_connected'), '{{client}}')],
    { valueTexts: { '1': ['yes', 'green'], '0': ['NO', 'red'] }, width: 6 },
  ),
  stat(
    'Connections',
    'none',
    'Current connections, and the number that the configuration requests (redundancy).',
    [
      query(ofClients('client_connections'), '{{client}} current'),
      query(ofClients('client_redundancy'), '{{client}} configured'),
    ],
    { width: 6 },
  ),
  stat(
    'Kinds of broken promises',
    'none',
    'Number of kinds of broken delivery promises that each application observes now. Expected: 0.',
    [query(ofClients('client_violations'), '{{client}}')],
    {
      width: 6,
      thresholds: [
        [null, 'green'],
        [1, 'red'],
      ],
    },
  ),
  stat(
    'Missing messages, QoS 1 and 2',
    'none',
    'Messages whose numbers were skipped and that have not arrived. Expected: 0.',
    [query(sumBy('client', ofClients('client_missing_messages', 'qos=~"1|2"')), '{{client}}')],
    {
      width: 6,
      thresholds: [
        [null, 'green'],
        [1, 'red'],
      ],
    },
  ),
  graph('Received, by QoS', 'si:/s', 'Telemetry messages per second, redelivered ones included.', [
    query(sumBy('client, qos', rate(ofClients('client_received_total'))), '{{client}} QoS {{qos}}'),
  ]),
  graph(
    'Duplicates and order',
    'si:/s',
    'QoS 1 may be redelivered after a failover. All other lines: expected 0.',
    [
      query(
        sumBy('client, qos', rate(ofClients('client_duplicates_total'))),
        '{{client}} duplicate, QoS {{qos}}',
      ),
      query(
        sumBy('client, qos', rate(ofClients('client_out_of_order_total'))),
        '{{client}} out of order, QoS {{qos}}',
      ),
    ],
  ),
  graph(
    'End-to-end latency',
    's',
    'Time from the publisher to the application by their wall clocks, as accurate as the clocks are synchronised.',
    [
      query(quantile(0.5, 'qos', ofClients('client_end_to_end_seconds_bucket')), 'p50 QoS {{qos}}'),
      query(quantile(0.99, 'qos', ofClients('client_end_to_end_seconds_bucket')), 'p99 QoS {{qos}}'),
    ],
  ),
  graph(
    'Connects and failovers',
    'si:/s',
    'Connections made, failed attempts, and failovers to another member, per second.',
    [
      query(sumBy('client', rate(ofClients('client_connects_total'))), '{{client}} connected'),
      query(sumBy('client', rate(ofClients('client_connect_failures_total'))), '{{client}} failed'),
      query(sumBy('client', rate(ofClients('client_failovers_total'))), '{{client}} failover'),
    ],
  ),
  graph(
    'Last gap',
    's',
    'Duration of the last lost connection. 0: no connection was lost yet.',
    [query(ofClients('client_last_gap_seconds'), '{{client}}')],
    { more: 'mqtt-cluster-failover' },
  ),
  graph(
    'Gaps, 99th percentile',
    's',
    '99th percentile of the gaps within one interval of the graph.',
    [query(quantile(0.99, 'client', ofClients('client_gap_seconds_bucket')), '{{client}}')],
    { emptyWhen: 'no connection was lost', more: 'mqtt-cluster-failover' },
  ),
];

const publishers: readonly PanelSpec[] = [
  {
    kind: 'timeline',
    title: 'Active publisher of each group',
    description:
      'The active publisher sends the telemetry of its group. Each group has exactly one, except during a takeover.',
    unit: 'none',
    width: 24,
    height: 9,
    queries: [query(ofSite('publisher_active'), '{{group}}: {{member}}')],
    valueTexts: { '1': ['active', 'green'], '0': ['standby', 'text'] },
    more: 'mqtt-cluster-failover',
  },
  graph(
    'Number of active publishers',
    'none',
    'Expected: 1 per group. 0: the telemetry of the group is not published. 2: a partition or a takeover.',
    [query(sumBy('group', ofSite('publisher_active')), '{{group}}')],
  ),
  graph('Connected publishers', 'none', 'Publishers with a connection, standbys included, per group.', [
    query(sumBy('group', ofSite('publisher_connected')), '{{group}}'),
  ]),
  graph('Sent, by QoS', 'si:/s', 'Messages per second; a message that was retransmitted counts once.', [
    query(sumBy('qos', rate(ofSite('publisher_sent_total'))), 'QoS {{qos}}'),
  ]),
  graph(
    'Acknowledged, by QoS',
    'si:/s',
    'Completed exchanges per second. If the rate stays below the rate of sent messages, acknowledgements are slow or missing.',
    [query(sumBy('qos', rate(ofSite('publisher_acknowledged_total'))), 'QoS {{qos}}')],
  ),
  graph(
    'Publishes not completed',
    'si:/s',
    'skipped: no connection or too many unacknowledged messages. refused: rejected by the server. unknown: the publisher ended before the acknowledgement.',
    [query(sumBy('outcome, qos', rate(ofSite('publisher_failed_total'))), '{{outcome}} QoS {{qos}}')],
  ),
  graph('Publish latency', 's', 'Time from the publish to the end of the exchange, failovers included.', [
    query(quantile(0.5, 'qos', ofSite('publisher_ack_seconds_bucket')), 'p50 QoS {{qos}}'),
    query(quantile(0.99, 'qos', ofSite('publisher_ack_seconds_bucket')), 'p99 QoS {{qos}}'),
  ]),
  graph(
    'Tenures and failovers',
    'si:/s',
    'How often a publisher tried to become active, and how often the active publisher continued at another member.',
    [
      query(sumBy('group', rate(ofSite('publisher_tenures_total'))), '{{group}} tenure'),
      query(sumBy('group', rate(ofSite('publisher_failovers_total'))), '{{group}} failover'),
    ],
    { width: 24 },
  ),
];

const noLink = 'the cluster has no link';

const links: readonly PanelSpec[] = [
  stat(
    'Link connected',
    'none',
    'Whether the member that runs the link is connected to the other broker. Expected: yes, unless the link is paused.',
    [
      query(
        `${sumBy('link', ofSite('link_connected'))} and ${sumBy('link', ofSite('link_enabled'))} > 0`,
        '{{link}}',
      ),
    ],
    { valueTexts: { '1': ['yes', 'green'], '0': ['NO', 'red'] }, emptyWhen: noLink, height: 8 },
  ),
  {
    kind: 'timeline',
    title: 'Member that runs the link',
    description: 'Exactly one member runs a link. Another one takes over when it fails or drains.',
    unit: 'none',
    width: 12,
    height: 8,
    queries: [query(ofSite('link_running'), '{{link}}: {{member}}')],
    valueTexts: { '1': ['runs', 'green'], '0': ['-', 'text'] },
    emptyWhen: noLink,
  },
  graph(
    'Waiting for the other broker',
    'none',
    'Messages that the other broker has not acknowledged. A rising line: it is slow or unreachable.',
    [query(sumBy('link', `max by (site, link) (${ofSite('link_lag_messages')})`), '{{link}}')],
    { emptyWhen: noLink },
  ),
  graph(
    'Age of the oldest message on its way',
    's',
    'Time since the oldest message that is on its way to the other broker left the queue.',
    [query(sumBy('link', ofSite('link_lag_seconds')), '{{link}}')],
    { emptyWhen: noLink },
  ),
  graph(
    'Sent and received',
    'si:/s',
    'Messages per second that the other broker acknowledged, and that the cluster committed, by QoS.',
    [
      query(sumBy('link, qos', rate(ofSite('link_sent_total'))), '{{link}} sent, QoS {{qos}}'),
      query(sumBy('link, qos', rate(ofSite('link_received_total'))), '{{link}} received, QoS {{qos}}'),
    ],
    { emptyWhen: noLink },
  ),
  graph(
    'Not passed on, and repeated',
    'si:/s',
    'Dropped messages by reason, copies of them in the cluster, connections after the first one, and messages that the other end may have twice.',
    [
      query(sumBy('link, reason', rate(ofSite('link_dropped_total'))), '{{link}} {{reason}}'),
      query(sumBy('link', rate(ofSite('link_reconnects_total'))), '{{link}} reconnects'),
      query(sumBy('link', rate(ofSite('link_kept_aside_total'))), '{{link}} kept aside'),
      query(sumBy('link', rate(ofSite('link_possible_duplicates_total'))), '{{link}} possible duplicates'),
    ],
    { emptyWhen: noLink },
  ),
];

export const clientsAndPublishers: DashboardSpec = {
  uid: 'mqtt-cluster-clients',
  title: 'MQTT Cluster: Client and publisher',
  description: 'Connections and delivery at the applications, and the publishers of each group.',
  rows: [
    { title: 'Applications', panels: application },
    { title: 'Publishers', panels: publishers },
    { title: 'Links to other brokers', panels: links },
  ],
};
