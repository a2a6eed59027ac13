import type { MetricDefinition, MetricType } from './metrics.ts';

function define(
  type: MetricType,
  name: string,
  help: string,
  labels: readonly string[] = [],
  buckets?: readonly number[],
): MetricDefinition {
  const base = { name: `mqtt_cluster_${name}`, type, help, labels };
  return buckets === undefined ? base : { ...base, buckets };
}

/** What a member says of itself, besides its broker, bridges and publisher. */
export const memberMetrics = {
  state: define('gauge', 'member_state', '1 for the state the member is in, 0 for the others.', ['state']),
  leader: define('gauge', 'raft_is_leader', '1 while this member leads.'),
  term: define('gauge', 'raft_term', "The log's current term."),
  elections: define('counter', 'raft_elections_total', 'Elections this member started.'),
  leaderChanges: define('counter', 'raft_leader_changes_total', 'Changes of leader this member saw.'),
  logIndex: define('gauge', 'raft_log_index', 'Positions in the log.', ['position']),
  logBytes: define('gauge', 'raft_log_bytes', 'Bytes of the log kept in memory.'),
  lag: define('gauge', 'raft_peer_lag_entries', 'Entries a peer lacks, as its leader knows.', ['peer']),
  link: define('gauge', 'bridge_link_up', '1 while the link to a peer is up.', ['peer']),
  connections: define('gauge', 'connections', 'Clients connected to this member.'),
  sessions: define('gauge', 'sessions', 'Sessions in the cluster.'),
  subscriptions: define('gauge', 'subscriptions', 'Replicated subscriptions in the cluster.'),
  retained: define('gauge', 'retained_messages', 'Retained messages in the cluster.'),
  queuedMessages: define('gauge', 'queued_messages', 'Messages queued for sessions in the cluster.'),
  queuedBytes: define('gauge', 'queued_bytes', 'Bytes queued in the cluster, each body once.'),
  inFlight: define('gauge', 'in_flight_messages', 'Messages sent to clients here and not yet acknowledged.'),
  outboxItems: define(
    'gauge',
    'outbox_batches',
    'Batches acked without a majority and not yet in the cluster.',
  ),
  pending: define('gauge', 'proposals_pending', 'Commands of this home that are not yet applied.'),
  digestsAgree: define(
    'gauge',
    'state_digests_agree',
    '0 when a peer holds another state at the same index.',
  ),
  takeovers: define(
    'counter',
    'takeovers_total',
    'Connections ended because the client connected elsewhere.',
  ),
  willsFired: define('counter', 'wills_fired_total', 'Wills published, by who noticed the death.', ['by']),
  sessionsEnded: define('counter', 'sessions_ended_total', 'Sessions that ended.'),
  dropped: define('counter', 'dropped_messages_total', 'Messages dropped at a bound, by reason.', ['reason']),
  degradedAcks: define('counter', 'degraded_acks_total', 'QoS 1 acks given without a majority.'),
  snapshots: define('counter', 'snapshots_total', 'Snapshots taken, sent and installed.', ['action']),
  alarms: define('counter', 'alarms_total', 'Things that should not be; each is in the log.'),
  storeBytes: define('gauge', 'store_bytes', 'Bytes on disk.', ['part']),
  storeSyncs: define('counter', 'store_syncs_total', 'Syncs of the disk.'),
  storeSyncSeconds: define('gauge', 'store_last_sync_seconds', 'How long the last sync took.'),
  acks: define('counter', 'publish_acks_total', 'Acks to publishers, by QoS and result.', ['qos', 'result']),
  delivered: define('counter', 'delivered_messages_total', 'Messages sent to clients, by QoS.', ['qos']),
} as const;
