import type { DashboardSpec, PanelSpec } from '../model.ts';
import { graph, query, stat } from '../panels.ts';
import { ofClients, ofSite, quantile, rate, sumBy } from '../queries.ts';

const application: readonly PanelSpec[] = [
  stat(
    'Connected',
    'none',
    'Whether each application has a connection.',
    [query(ofClients('client_connected'), '{{client}}')],
    { words: { '1': ['yes', 'green'], '0': ['NO', 'red'] }, width: 6 },
  ),
  stat(
    'Connections',
    'none',
    'Now, beside those it holds by its configuration (redundancy).',
    [
      query(ofClients('client_connections'), '{{client}} now'),
      query(ofClients('client_redundancy'), '{{client}} wanted'),
    ],
    { width: 6 },
  ),
  stat(
    'Kinds of broken promises',
    'none',
    'That each application sees now. Well at 0.',
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
    'Lost now, QoS 1 and 2',
    'none',
    'Numbers that were skipped and have not come. Well at 0.',
    [query(sumBy('client', ofClients('client_missing_messages', 'qos=~"1|2"')), '{{client}}')],
    {
      width: 6,
      thresholds: [
        [null, 'green'],
        [1, 'red'],
      ],
    },
  ),
  graph('Received, by QoS', 'si:/s', 'Telemetry messages, repeats included.', [
    query(sumBy('client, qos', rate(ofClients('client_received_total'))), '{{client}} QoS {{qos}}'),
  ]),
  graph('Twice or out of order', 'si:/s', 'QoS 1 may repeat after a failover; all else is well at 0.', [
    query(sumBy('client, qos', rate(ofClients('client_duplicates_total'))), '{{client}} twice, QoS {{qos}}'),
    query(
      sumBy('client, qos', rate(ofClients('client_out_of_order_total'))),
      '{{client}} out of order, QoS {{qos}}',
    ),
  ]),
  graph(
    'End to end',
    's',
    'From publisher to application by their wall clocks: as right as the clocks agree.',
    [
      query(quantile(0.5, 'qos', ofClients('client_end_to_end_seconds_bucket')), 'p50 QoS {{qos}}'),
      query(quantile(0.99, 'qos', ofClients('client_end_to_end_seconds_bucket')), 'p99 QoS {{qos}}'),
    ],
  ),
  graph(
    'Connects and failovers',
    'si:/s',
    'Connections made, attempts that failed, and moves to another member.',
    [
      query(sumBy('client', rate(ofClients('client_connects_total'))), '{{client}} connected'),
      query(sumBy('client', rate(ofClients('client_connect_failures_total'))), '{{client}} failed'),
      query(sumBy('client', rate(ofClients('client_failovers_total'))), '{{client}} moved'),
    ],
  ),
  graph(
    'Last gap',
    's',
    'How long the last lost connection was away. 0: none yet.',
    [query(ofClients('client_last_gap_seconds'), '{{client}}')],
    { more: 'mqtt-cluster-failover' },
  ),
  graph(
    'p99 gap',
    's',
    'Of the gaps in the time of one point.',
    [query(quantile(0.99, 'client', ofClients('client_gap_seconds_bucket')), '{{client}}')],
    { emptyWhen: 'no gap', more: 'mqtt-cluster-failover' },
  ),
];

const publishers: readonly PanelSpec[] = [
  {
    kind: 'timeline',
    title: 'Who publishes for which group',
    description:
      'active: the one that publishes. Each group has exactly one, but for the moment of a takeover.',
    unit: 'none',
    width: 24,
    height: 9,
    queries: [query(ofSite('publisher_active'), '{{group}}: {{member}}')],
    words: { '1': ['active', 'green'], '0': ['stands by', 'text'] },
    more: 'mqtt-cluster-failover',
  },
  graph(
    'Active publishers of a group',
    'none',
    'Well at 1 each. 0: nobody sends its telemetry. 2: a split, or a takeover.',
    [query(sumBy('group', ofSite('publisher_active')), '{{group}}')],
  ),
  graph('Connected publishers of a group', 'none', 'With the standbys.', [
    query(sumBy('group', ofSite('publisher_connected')), '{{group}}'),
  ]),
  graph('Sent, by QoS', 'si:/s', 'Each message once however often it was sent again.', [
    query(sumBy('qos', rate(ofSite('publisher_sent_total'))), 'QoS {{qos}}'),
  ]),
  graph(
    'Acknowledged, by QoS',
    'si:/s',
    'Completed exchanges. Below what is sent for long: acks are slow, or none come.',
    [query(sumBy('qos', rate(ofSite('publisher_acknowledged_total'))), 'QoS {{qos}}')],
  ),
  graph(
    'Not sent or not known',
    'si:/s',
    'skipped: no connection, or too many unacknowledged. refused: by the server. unknown: ended before the ack.',
    [query(sumBy('outcome, qos', rate(ofSite('publisher_failed_total'))), '{{outcome}} QoS {{qos}}')],
  ),
  graph('Time to the ack', 's', 'From publish to the end of the exchange, failover included.', [
    query(quantile(0.5, 'qos', ofSite('publisher_ack_seconds_bucket')), 'p50 QoS {{qos}}'),
    query(quantile(0.99, 'qos', ofSite('publisher_ack_seconds_bucket')), 'p99 QoS {{qos}}'),
  ]),
  graph(
    'Tenures and failovers',
    'si:/s',
    'How often a publisher became the active one, and how often it went on at another member.',
    [
      query(sumBy('group', rate(ofSite('publisher_tenures_total'))), '{{group}} tenure'),
      query(sumBy('group', rate(ofSite('publisher_failovers_total'))), '{{group}} failover'),
    ],
    { width: 24 },
  ),
];

export const clientsAndPublishers: DashboardSpec = {
  uid: 'mqtt-cluster-clients',
  title: 'MQTT Cluster: Client and publisher',
  description: 'What the applications see, and who publishes.',
  rows: [
    { title: 'Applications', panels: application },
    { title: 'Publishers', panels: publishers },
  ],
};
