/**
 * The marks (coverage events) with their meanings. A run counts its marks, and the seeds of the tests must
 * reach every mark.
 */
export const markMeanings = {
  'leader-lost-under-load': 'a leader was stopped or paused while clients waited for acknowledgements',
  'all-power-lost': 'all members lost their power',
  'tail-overwritten': 'entries on a disk were overwritten by entries of another leader',
  'proposal-retried-over-leader-change': 'a home proposed one batch to two leaders',
  'repeat-left-out-when-applied': 'a batch was in the log twice and was applied once',
  'old-epoch-command-void': 'a command of an old epoch was applied as void',
  'leadership-transferred': 'a member that was asked to lead became the leader',
  'snapshot-to-laggard': 'a member installed a snapshot',
  'snapshot-during-writes': 'a snapshot was taken while clients waited for acknowledgements',
  'learner-promoted': 'a learner became a voter',
  'member-removed': 'a member left the configuration',
  'member-drained': 'a draining member had no clients left',
  'isolated-then-healed': 'an isolated member served again',
  'one-way-partition': 'some members could receive but not send, or send but not receive',
  'degraded-ack': 'a member sent a degraded acknowledgement',
  'outbox-healed': 'a message of an outbox was committed without a restart of its member',
  'outbox-recovered': 'a starting member found messages in the outbox of its store',
  'torn-tail-recovered': 'a starting member truncated an unfinished write',
  'failed-sync': 'a sync failed with EIO',
  'failed-sync-reread': 'a starting member read changes that a failed sync had left in the page cache',
  'full-disk-refusal': 'a full disk refused a write',
  'store-damage-found': 'a starting member found a wrong checksum, and its store did not open',
  'store-damage-healed': 'a damaged store was replaced and its member votes again',
  'wiped-store-healed': 'a member with a wiped disk received everything and votes again',
  'will-fired-by-leader': 'the leader published a will because the home died or restarted',
  'session-taken-over-during-failover': 'a session was taken over within a second of the loss of a leader',
  'qos2-resumed-elsewhere': 'a QoS 2 handshake continued at another member',
  'retained-resumed-elsewhere': 'retained messages of a new subscription arrived from another home',
  'queue-bound-hit': 'a queue at its bound dropped its oldest message',
  'semantics-finalised': 'the newer semantics version came into force',
  'newer-command-applied': 'a command was applied that only the newer version supports',
  'rolled-back': 'a member was rolled back before the newer version was in force',
  'outdated-member-refused': 'an older program found the newer version in force and stopped applying entries',
  'quiet-leader-change': 'the leader of a quiet cluster was killed while delays were running',
  'long-full-stop': 'all members were down for at least five seconds while delays were running',
  'clock-stepped-while-stopped': 'a wall clock stepped while all members were down',
  'session-expired': 'a session had expired when its client connected again',
  'message-expired-in-queue': 'a message expired in a queue and was not delivered',
  'expiry-decremented': 'a message arrived with a lower Message Expiry Interval than its publisher sent',
  'retained-expired': 'a retained message had expired when a client subscribed to its topic',
  'redelivered-with-dup': 'a home sent a message again that a former home of the session had sent',
  'receive-maximum-reached': 'a client had as many unacknowledged messages as its Receive Maximum allows',
  'shared-message-moved': 'a message went to another member of a group because a connection had ended',
  'shared-without-members': 'a message was published while its group had no member',
  'session-ended-by-disconnect': 'a DISCONNECT ended the session, and the next CONNACK had Session Present 0',
  'retain-kept-as-published': 'a subscription with Retain As Published received a message with RETAIN 1',
  'retained-not-wanted': 'a subscription with Retain Handling 2 received no retained messages',
  'qos0-judged': 'a QoS 0 message was due because no fault was active',
  'open-refused-to-user':
    'a session was not opened for a user to whom it does not belong, or who was deleted',
  'user-disconnected': 'the cluster ended a connection because its user was deleted, disabled or revoked',
  'will-denied': 'a will was discarded because its user was not allowed to publish it',
  'digests-compared': 'two members reported digests of the same index',
} as const;

export type MarkName = keyof typeof markMeanings;

export const markNames = Object.keys(markMeanings) as MarkName[];

export function isMarkName(name: string): name is MarkName {
  return name in markMeanings;
}
