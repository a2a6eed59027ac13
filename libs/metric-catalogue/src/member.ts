import { counter, gauge, histogram, latencyBuckets, peers } from './define.ts';

/** Why messages were dropped. */
export const dropReasons = [
  'queue_full',
  'slow_subscriber',
  'expired',
  'too_large',
  'session_limit',
  'no_majority',
  'outbox_full',
  'slow_bridge',
] as const;

const once =
  'Counted once in the cluster, by the member whose entry brought it: sum over the members. What the entries of ' +
  'a member that died on the way brought is not counted.';
const everywhere = 'The same on every member: take the maximum, not the sum.';

/** Raft: the log and who leads it. */
export const raftMetrics = {
  leader: gauge('raft_is_leader', { unit: 'none', help: '1 while this member leads.' }),
  leaderKnown: gauge('raft_leader_known', {
    unit: 'none',
    help: '1 while this member follows a leader or leads.',
  }),
  role: gauge('raft_role', {
    unit: 'none',
    help: '1 for the part this member has, 0 for the others.',
    values: { role: ['leader', 'follower', 'candidate', 'learner', 'none'] },
    purpose: 'debugging',
  }),
  members: gauge('raft_members', {
    unit: 'none',
    help: `Members of the cluster as the log names them, by role. ${everywhere}`,
    values: { role: ['voter', 'learner'] },
  }),
  term: gauge('raft_term', { unit: 'none', help: "The log's current term." }),
  elections: counter('raft_elections_total', { unit: 'events', help: 'Elections this member started.' }),
  leaderChanges: counter('raft_leader_changes_total', {
    unit: 'events',
    help: 'Changes of leader that this member saw, the loss of one included.',
  }),
  logIndex: gauge('raft_log_index', {
    unit: 'none',
    help: 'Positions in the log.',
    values: { position: ['last', 'committed', 'applied', 'snapshot'] },
  }),
  logBytes: gauge('raft_log_bytes', { unit: 'bytes', help: 'Bytes of the log kept in memory.' }),
  logBytesMax: gauge('raft_log_bytes_max', {
    unit: 'bytes',
    help: 'Bound of raft_log_bytes: a snapshot cuts the log when it is reached.',
  }),
  lag: gauge('raft_peer_lag_entries', {
    unit: 'entries',
    help: 'Entries that a peer lacks. Only the leader knows: other members show none.',
    values: { peer: peers },
  }),
  proposalsPending: gauge('proposals_pending', {
    unit: 'commands',
    help: 'Commands of this home that are not yet applied.',
  }),
  commitSeconds: histogram('commit_seconds', latencyBuckets, {
    unit: 'seconds',
    help:
      'From the proposal of a batch of this home to its being applied here; every batch, to the turn of the event ' +
      'loop. What waited out a time without a majority is among them.',
  }),
} as const;

/** A member and the replicated state it holds. */
export const memberMetrics = {
  state: gauge('member_state', {
    unit: 'none',
    help: '1 for the state the member is in, 0 for the others.',
    values: { state: ['joining', 'serving', 'draining', 'isolated'] },
  }),
  incarnation: gauge('member_incarnation', {
    unit: 'none',
    help: "How often this member's store has been started: its change tells of restarts.",
  }),
  sessions: gauge('sessions', { unit: 'sessions', help: `Sessions in the cluster. ${everywhere}` }),
  sessionsMax: gauge('sessions_max', { unit: 'sessions', help: 'Bound of sessions.' }),
  subscriptions: gauge('subscriptions', {
    unit: 'subscriptions',
    help: `Replicated subscriptions: those of persistent sessions, and shared ones. ${everywhere}`,
  }),
  homeSubscriptions: gauge('home_subscriptions', {
    unit: 'subscriptions',
    help: "Subscriptions of this member's connected clients, but for shared ones.",
  }),
  retained: gauge('retained_messages', {
    unit: 'messages',
    help: `Retained messages in the cluster. ${everywhere}`,
  }),
  retainedMax: gauge('retained_messages_max', { unit: 'messages', help: 'Bound of retained_messages.' }),
  queuedMessages: gauge('queued_messages', {
    unit: 'messages',
    help: `Messages queued for sessions in the cluster, each for each session. ${everywhere}`,
  }),
  queuedBytes: gauge('queued_bytes', {
    unit: 'bytes',
    help: `Bytes queued in the cluster, each body once. ${everywhere}`,
  }),
  queuedBytesMax: gauge('queued_bytes_max', { unit: 'bytes', help: 'Bound of queued_bytes.' }),
  sessionQueueMax: gauge('session_queue_messages_max', {
    unit: 'messages',
    help: 'Bound of the queue of one session while its client is away.',
  }),
  homeQueuedMessages: gauge('home_queued_messages', {
    unit: 'messages',
    help: "Messages that wait for room in the windows of this member's clean sessions; not replicated.",
  }),
  inFlight: gauge('in_flight_messages', {
    unit: 'messages',
    help: "Messages sent to this member's clients and not yet acknowledged.",
  }),
  outboxBatches: gauge('outbox_batches', {
    unit: 'batches',
    help: 'Batches acknowledged without a majority that the cluster does not have yet.',
  }),
  outboxBytes: gauge('outbox_bytes', { unit: 'bytes', help: 'Bytes of these batches.' }),
  outboxBytesMax: gauge('outbox_bytes_max', {
    unit: 'bytes',
    help: 'Bound of outbox_bytes: beyond it QoS 1 waits for the majority, too.',
  }),
  sessionsEnded: counter('sessions_ended_total', { unit: 'sessions', help: `Sessions that ended. ${once}` }),
  willsFired: counter('wills_fired_total', {
    unit: 'messages',
    help: `Wills published, by who noticed the death: the home, or the cluster for it. ${once}`,
    values: { by: ['home', 'cluster'] },
  }),
  dropped: counter('dropped_messages_total', {
    unit: 'messages',
    help:
      `Messages that a client will not get because of a bound, by reason. queue_full and session_limit: ${once} ` +
      'All others happen at one home and are counted there.',
    values: { reason: dropReasons },
  }),
  digestsAgree: gauge('state_digests_agree', {
    unit: 'none',
    help: '0 when a peer holds another state at the same index.',
  }),
  digestIndex: gauge('state_digest_index', {
    unit: 'none',
    help: 'Last index at which this member compared its state; 0 before the first.',
    purpose: 'debugging',
  }),
  snapshots: counter('snapshots_total', {
    unit: 'events',
    help: 'Snapshots, by what was done with them.',
    values: { action: ['taken', 'sent', 'installed'] },
  }),
  snapshotBytes: gauge('snapshot_last_bytes', {
    unit: 'bytes',
    help: 'Size of the last one.',
    values: { action: ['taken', 'sent', 'installed'] },
  }),
  snapshotSeconds: histogram('snapshot_seconds', latencyBuckets, {
    unit: 'seconds',
    help: 'How long the turn of the event loop took that took or installed a snapshot: nothing else ran meanwhile.',
    values: { action: ['taken', 'installed'] },
  }),
  alarms: counter('alarms_total', {
    unit: 'events',
    help: 'Things that should not be; each is in the log. One that an entry brought is counted by every member.',
  }),
} as const;
