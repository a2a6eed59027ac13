/**
 * What a good set of seeds must have been through, each with what it means. A run counts them; the seeds of the tests must hit all.
 */
export const markMeanings = {
  'leader-lost-under-load': 'a leader was stopped or paused while clients waited for their acks',
  'all-power-lost': 'no member ran any more',
  'tail-overwritten': 'entries on a disk were replaced by those of another leader',
  'proposal-retried-over-leader-change': 'a home sent one batch to two leaders',
  'repeat-left-out-when-applied': 'a batch stood in the log twice and was applied once',
  'old-epoch-command-void': 'a command of a connection that its client had replaced',
  'leadership-transferred': 'who was asked to lead became the leader',
  'snapshot-to-laggard': 'a member installed a snapshot',
  'snapshot-during-writes': 'a snapshot was taken while clients waited for their acks',
  'learner-promoted': 'a learner became a voter',
  'member-removed': 'a member left the configuration',
  'member-drained': 'a draining member had no clients left',
  'isolated-then-healed': 'a member without a majority served again',
  'one-way-partition': 'a set of members could hear but not be heard, or the other way round',
  'degraded-ack': 'a QoS 1 ack without a majority',
  'outbox-healed': 'what was acked without a majority reached the cluster in the same start',
  'outbox-recovered': 'a start found messages acked without a majority on its disk',
  'torn-tail-recovered': 'a start found an unfinished write',
  'failed-sync': 'a disk failed in the middle of a sync (EIO)',
  'failed-sync-reread': 'a start read back what a failed sync had left in memory only',
  'full-disk-refusal': 'a disk had no room for a write',
  'store-damage-found': 'a start found a wrong checksum and refused',
  'store-damage-healed': 'a damaged store was replaced and votes again',
  'wiped-store-healed': 'a wiped disk was filled by the peers and votes again',
  'will-fired-by-leader': 'a will of a home that was given up, or has started again',
  'session-taken-over-during-failover': 'a client moved within a second of the loss of a leader',
  'qos2-resumed-elsewhere': 'a QoS 2 exchange went on at another member',
  'retained-resumed-elsewhere':
    'a new subscription got what is retained from another home than it was made at',
  'queue-bound-hit': 'a queue at its bound dropped its oldest',
  'semantics-finalised': 'all members knew the newer version, and it came into force',
  'newer-command-applied': 'a command that only the newer version knows',
  'rolled-back': 'a member went back to the older version before the newer one was in force',
  'outdated-member-refused': 'an older program found the newer version in force, and applied nothing more',
  'digests-compared': 'members had digests of the same index',
} as const;

export type MarkName = keyof typeof markMeanings;

export const markNames = Object.keys(markMeanings) as MarkName[];

export function isMarkName(name: string): name is MarkName {
  return name in markMeanings;
}
