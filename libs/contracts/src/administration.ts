import { z } from 'zod';
import { anyNumber } from './schema.ts';
import type { Decoded } from './schema.ts';

export const adminActionSchema = z.discriminatedUnion('kind', [
  /** Asks for the log progress of each peer, and for how long each peer has been silent. */
  z.object({ kind: z.literal('survey') }),
  /** The leader's own list of peers must name the member. The member enters as a learner and is promoted by the leader. */
  z.object({ kind: z.literal('addMember'), member: z.string() }),
  /** `force` removes a member although its outbox is unknown or holds acknowledged messages that the cluster does not have. */
  z.object({ kind: z.literal('removeMember'), member: z.string(), force: z.boolean() }),
  /** Without `to` the leader chooses the voter with the longest log. */
  z.object({ kind: z.literal('transferLeadership'), to: z.string().optional() }),
]);

/** A request of an operator that only the leader can carry out. */
export type AdminAction = Decoded<typeof adminActionSchema>;

const peerSurveySchema = z.object({
  /** Entries that the peer lacks. */
  lagEntries: anyNumber,
  /** Milliseconds since the peer's store answered the leader. */
  silentMs: anyNumber,
});

export type PeerSurvey = Decoded<typeof peerSurveySchema>;

export const adminOutcomeSchema = z.object({
  accepted: z.boolean(),
  /** One sentence: why the leader refused, or what it found. May be empty. */
  reason: z.string(),
  /** The leader refused for a cause that passes: the caller may ask again. */
  later: z.boolean().optional(),
  /** For `survey`: one item per other member. */
  survey: z.record(z.string(), peerSurveySchema).optional(),
});

export type AdminOutcome = Decoded<typeof adminOutcomeSchema>;
