import { z } from 'zod';
import { anyNumber } from './schema.ts';
import type { Decoded } from './schema.ts';

export const adminActionSchema = z.discriminatedUnion('kind', [
  /** Asks for the log progress of each peer, and for the time since the last answer of each peer. */
  z.object({ kind: z.literal('survey') }),
  /**
   * The configured peer list of the leader must contain the member. The leader adds the member as a learner
   * and promotes it later.
   */
  z.object({ kind: z.literal('addMember'), member: z.string() }),
  /**
   * `force` removes a member even if the outbox of the member is unknown, or contains acknowledged messages
   * that the cluster does not have.
   */
  z.object({ kind: z.literal('removeMember'), member: z.string(), force: z.boolean() }),
  /**
   * Transfers leadership to the voter `to`. Without `to`, the leader chooses the voter with the longest log.
   */
  z.object({ kind: z.literal('transferLeadership'), to: z.string().optional() }),
]);

/** A request of an operator that only the leader can carry out. */
export type AdminAction = Decoded<typeof adminActionSchema>;

const peerSurveySchema = z.object({
  /** Log entries that the leader has and the peer lacks. */
  lagEntries: anyNumber,
  /** Milliseconds since the peer's store answered the leader. */
  silentMs: anyNumber,
});

/** Log progress of one peer, and the time since its last answer, as the leader measures them. */
export type PeerSurvey = Decoded<typeof peerSurveySchema>;

export const adminOutcomeSchema = z.object({
  accepted: z.boolean(),
  /** One sentence with the reason for a refusal, or with the result of the action. May be empty. */
  reason: z.string(),
  /** True when the cause of the refusal is temporary: the caller may send the request again. */
  later: z.boolean().optional(),
  /** For `survey`: one item per other member. */
  survey: z.record(z.string(), peerSurveySchema).optional(),
});

/** The leader's answer to an {@link AdminAction}. */
export type AdminOutcome = Decoded<typeof adminOutcomeSchema>;
