import { counter, gauge, histogram, latencyBuckets, oneForEachPeer, qosLevels } from './define.ts';

/** Reasons for which messages are dropped. */
export const dropReasons = [
  'queue_full',
  'queue_share',
  'retained_limit',
  'slow_subscriber',
  'expired',
  'too_large',
  'session_limit',
  'no_majority',
  'outbox_full',
  'slow_bridge',
  'not_authorized',
  'memory',
] as const;

/** Reasons for which a member must not be stopped. */
export const stopBlockers = ['no_majority', 'member_unhealthy', 'too_few_voters'] as const;

const once =
  'Counted once in the cluster, by the member that proposed the entry: sum over the members. Entries ' +
  'that are applied after the failure of that member are not counted.';
const everywhere = 'Equal on every member: take the maximum, not the sum.';

/** Kinds of replicated state with a bound in bytes. */
const stateKinds = ['queues', 'retained', 'subscriptions', 'wills'] as const;
/** Kinds of state of one home with a bound in bytes. */
const homeKinds = ['subscriptions', 'queues'] as const;

/** Metrics of the Raft log and of its leader. */
export const raftMetrics = {
  leader: gauge('raft_is_leader', { unit: 'none', help: '1 while this member is the leader.' }),
  leaderKnown: gauge('raft_leader_known', {
    unit: 'none',
    help: '1 while this member is the leader or follows one.',
  }),
  role: gauge('raft_role', {
    unit: 'none',
    help: '1 for the current Raft role of this member, 0 for the other roles.',
    values: { role: ['leader', 'follower', 'candidate', 'learner', 'none'] },
    purpose: 'debugging',
  }),
  members: gauge('raft_members', {
    unit: 'none',
    help: `Members of the cluster as the log lists them, by role. ${everywhere}`,
    values: { role: ['voter', 'learner'] },
  }),
  term: gauge('raft_term', { unit: 'none', help: 'Current term of this member.' }),
  elections: counter('raft_elections_total', { unit: 'events', help: 'Elections that this member started.' }),
  leaderChanges: counter('raft_leader_changes_total', {
    unit: 'events',
    help: 'Leader changes that this member observed, including the loss of a leader.',
  }),
  logIndex: gauge('raft_log_index', {
    unit: 'none',
    help: 'Indexes of the log: last entry, committed, applied, and last snapshot.',
    values: { position: ['last', 'committed', 'applied', 'snapshot'] },
  }),
  logBytes: gauge('raft_log_bytes', { unit: 'bytes', help: 'Bytes of the log that are in memory.' }),
  logBytesMax: gauge('raft_log_bytes_max', {
    unit: 'bytes',
    help: 'Bound of raft_log_bytes. At the bound the member takes a snapshot and truncates the log.',
  }),
  lag: gauge('raft_peer_lag_entries', {
    unit: 'entries',
    help: 'Entries that a peer lacks. Only the leader reports this metric.',
    values: { peer: oneForEachPeer },
  }),
  proposalsPending: gauge('proposals_pending', {
    unit: 'commands',
    help: 'Commands of this home that this member has not applied yet.',
  }),
  commitSeconds: histogram('commit_seconds', latencyBuckets, {
    unit: 'seconds',
    help:
      'Time from the proposal of a batch of this home until it is applied here, for every batch, to the ' +
      'accuracy of an event loop turn. Batches that waited without a majority are included.',
  }),
} as const;

/** Metrics of a member and of its replicated state. */
export const memberMetrics = {
  turns: counter('member_turns_total', {
    unit: 'events',
    help:
      'Turns of the member by cause. input: messages of peers, inputs of clients or completed writes, all of one ' +
      'iteration of the event loop. timer: a tick. Each turn has at most one write to the store and one frame for each ' +
      'peer and channel.',
    values: { cause: ['input', 'timer'] },
    purpose: 'debugging',
  }),
  state: gauge('member_state', {
    unit: 'none',
    help: '1 for the current state of the member, 0 for the other states.',
    values: { state: ['joining', 'serving', 'draining', 'isolated'] },
  }),
  stoppable: gauge('member_stoppable', {
    unit: 'none',
    help:
      '1 while this member can be stopped and the cluster keeps its majority, 0 otherwise: the answer of ' +
      '/cluster/health?stop= at the time of the scrape. 0 too if the leader does not answer.',
  }),
  stopBlocked: gauge('member_stop_blocked', {
    unit: 'none',
    help:
      '1 for the reason for which this member must not be stopped now, 0 for the other reasons. no_majority: the leader ' +
      'or a majority is missing. member_unhealthy: another member is not healthy. too_few_voters: without this member no ' +
      'majority remains.',
    values: { reason: stopBlockers },
  }),
  incarnation: gauge('member_incarnation', {
    unit: 'none',
    help: "Number of starts of this member's store. The number changes with each restart.",
  }),
  sessions: gauge('sessions', { unit: 'sessions', help: `Sessions in the cluster. ${everywhere}` }),
  sessionsMax: gauge('sessions_max', { unit: 'sessions', help: 'Bound of sessions.' }),
  subscriptions: gauge('subscriptions', {
    unit: 'subscriptions',
    help:
      'Replicated subscriptions: subscriptions of persistent sessions, and shared subscriptions. ' +
      `${everywhere}`,
  }),
  homeSubscriptions: gauge('home_subscriptions', {
    unit: 'subscriptions',
    help: 'Subscriptions of the clients connected to this member, without shared subscriptions.',
  }),
  retained: gauge('retained_messages', {
    unit: 'messages',
    help: `Retained messages in the cluster. ${everywhere}`,
  }),
  retainedMax: gauge('retained_messages_max', { unit: 'messages', help: 'Bound of retained_messages.' }),
  queuedMessages: gauge('queued_messages', {
    unit: 'messages',
    help: `Messages queued for sessions in the cluster, counted once per session. ${everywhere}`,
  }),
  queuedBytes: gauge('queued_bytes', {
    unit: 'bytes',
    help: `Bytes queued in the cluster, each message body counted once. ${everywhere}`,
  }),
  queuedBytesMax: gauge('queued_bytes_max', {
    unit: 'bytes',
    help: 'Bound of queued_bytes. At the bound the cluster drops messages or rejects publishes.',
  }),
  stateBytes: gauge('state_bytes', {
    unit: 'bytes',
    help:
      'Memory of the replicated state by kind, with names, properties and overhead of all objects. ' +
      `${everywhere}`,
    values: { kind: stateKinds },
  }),
  stateBytesMax: gauge('state_bytes_max', {
    unit: 'bytes',
    help:
      'Bound of state_bytes. At the bound of queues the largest queue loses messages; subscriptions, retained ' +
      'messages and connections with a will are refused.',
    values: { kind: stateKinds },
  }),
  homeBytes: gauge('home_bytes', {
    unit: 'bytes',
    help:
      'Memory of the state of connected clients that only this member holds, by kind: subscriptions, and messages ' +
      'of clean sessions that wait for room in the in-flight window.',
    values: { kind: homeKinds },
  }),
  homeBytesMax: gauge('home_bytes_max', {
    unit: 'bytes',
    help: 'Bound of home_bytes. At the bound filters of clean sessions are refused, and messages are dropped.',
    values: { kind: homeKinds },
  }),
  sessionQueueMax: gauge('session_queue_messages_max', {
    unit: 'messages',
    help: 'Bound of the queue of one session while its client is offline.',
  }),
  homeQueuedMessages: gauge('home_queued_messages', {
    unit: 'messages',
    help:
      'Messages for clean sessions of this member that wait for room in the in-flight window. They are ' +
      'not replicated.',
  }),
  inFlight: gauge('in_flight_messages', {
    unit: 'messages',
    help: 'Messages sent to clients of this member and not acknowledged yet.',
  }),
  heldPublishes: gauge('held_publishes', {
    unit: 'messages',
    help:
      'Publishes at this isolated member that have no acknowledgement, because they wait for a majority (P1): ' +
      'QoS 2, QoS 0 with RETAIN, and QoS 1 if whenIsolated is hold or the outbox is full. 0 while the ' +
      'member is not isolated.',
    values: { qos: qosLevels },
  }),
  outboxBatches: gauge('outbox_batches', {
    unit: 'batches',
    help: 'Batches that were acknowledged without a majority and are not replicated yet.',
  }),
  outboxBytes: gauge('outbox_bytes', { unit: 'bytes', help: 'Bytes of the batches in outbox_batches.' }),
  outboxBytesMax: gauge('outbox_bytes_max', {
    unit: 'bytes',
    help: 'Bound of outbox_bytes. Beyond it QoS 1 publishes wait for a majority.',
  }),
  sessionsEnded: counter('sessions_ended_total', { unit: 'sessions', help: `Sessions that ended. ${once}` }),
  willsFired: counter('wills_fired_total', {
    unit: 'messages',
    help:
      'Wills published. home: the home of the client detected the disconnect. cluster: the cluster ' +
      `published the will because the home failed. ${once}`,
    values: { by: ['home', 'cluster'] },
  }),
  dropped: counter('dropped_messages_total', {
    unit: 'messages',
    help:
      'Messages dropped because of a bound, by reason. Clients do not receive these messages. Drops for queue_full and ' +
      'session_limit, and for expired in the queues of absent sessions, are counted once in the cluster, by the ' +
      'member that proposed the entry. The home counts all other drops. Sum over the members.',
    values: { reason: dropReasons },
  }),
  digestsAgree: gauge('state_digests_agree', {
    unit: 'none',
    help: '0 when a peer has a different state at the same index.',
  }),
  digestIndex: gauge('state_digest_index', {
    unit: 'none',
    help: 'Last index at which this member compared its state; 0 before the first comparison.',
    purpose: 'debugging',
  }),
  snapshots: counter('snapshots_total', {
    unit: 'events',
    help: 'Snapshots, by action.',
    values: { action: ['taken', 'sent', 'installed'] },
  }),
  snapshotBytes: gauge('snapshot_last_bytes', {
    unit: 'bytes',
    help: 'Size of the last snapshot, by action.',
    values: { action: ['taken', 'sent', 'installed'] },
  }),
  snapshotSeconds: histogram('snapshot_seconds', latencyBuckets, {
    unit: 'seconds',
    help:
      'Duration of the event loop turn that began to take a snapshot, or installed one. Nothing else ran during that ' +
      'turn. A snapshot is taken over many turns.',
    values: { action: ['taken', 'installed'] },
  }),
  alarms: counter('alarms_total', {
    unit: 'events',
    help:
      'Violated internal assumptions; the member logs an error for each. If a log entry causes an alarm, every ' +
      'member counts the alarm.',
  }),
} as const;
