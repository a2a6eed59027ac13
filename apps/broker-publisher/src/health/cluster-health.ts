import type {
  AdminOutcome,
  Decoded,
  MemberId,
  MemberRole,
  MemberStatus,
  PeerSurvey,
} from '@mqtt-cluster/contracts';
import type { stopBlockers } from '@mqtt-cluster/metric-catalogue';
import { z } from 'zod';

/** A member that lacks more entries of the log than this number has not caught up. */
const lagEntriesMax = 1_000;
/**
 * A member that has not answered the leader for longer than this time counts as unreachable. A follower
 * answers heartbeats every few hundred milliseconds.
 */
const silentMsMax = 2_000;
/**
 * An unreachable member counts as lost after this time. A member that only restarts, or pauses, is back earlier. Raising it
 * makes the operator wait longer before a lost host can be replaced.
 */
export const lostMsMin = 30_000;

const memberHealthSchema = z.object({
  id: z.string(),
  role: z.enum(['voter', 'learner']),
  leader: z.boolean(),
  state: z.enum(['joining', 'serving', 'draining', 'isolated', 'unreachable']),
  /** The member is reachable, has caught up and serves. */
  ok: z.boolean(),
  /** One sentence: why the member is not ok. Empty for a member that is ok. */
  reason: z.string(),
  /** Entries of the log that the member lacks, as the leader reports; null without a leader. */
  lagEntries: z.number().nullable(),
  clients: z.number(),
  load: z.number(),
});

type MemberHealth = Decoded<typeof memberHealthSchema>;

const stopSafetySchema = z.object({
  safe: z.boolean(),
  reason: z.string(),
  /** Whether the stop may become safe later. False when all members are ok, but the cluster has too few members. */
  waitingHelps: z.boolean(),
});

/** States whether the cluster keeps its majority when one member stops now. */
type StopSafety = Decoded<typeof stopSafetySchema>;

/** Why a member must not be stopped now: a value of the label `reason` of `mqtt_cluster_member_stop_blocked`. */
export type StopBlocker = (typeof stopBlockers)[number];

/** Body of `GET /cluster/health`. */
export const clusterHealthSchema = z.object({
  /** Id of the member that answered the request. */
  askedOf: z.string(),
  healthy: z.boolean(),
  reason: z.string(),
  leader: z.string().nullable(),
  term: z.number(),
  /** A leader exists, and more than half of the voters are reachable. */
  majority: z.boolean(),
  voters: z.number(),
  learners: z.array(z.string()),
  members: z.array(memberHealthSchema),
  /** Present only when the request contains a member id (`?stop=ID`). */
  stop: z.object({ member: z.string(), ...stopSafetySchema.shape }).optional(),
});

export type ClusterHealth = Decoded<typeof clusterHealthSchema>;

/**
 * Returns the health of the cluster, based on the status of one member and the report of the leader (`survey`).
 *
 * @param outages milliseconds for which this member has had no link to others (`LinkOutages`)
 */
export function assessClusterHealth(
  status: MemberStatus,
  survey: AdminOutcome,
  stop?: MemberId,
  outages: Readonly<Record<MemberId, number>> = {},
): ClusterHealth {
  const surveys = surveysOf(status, survey);
  const members = (status.config?.members ?? []).map(({ id, role }) => healthOf(id, role, status, surveys));
  const voters = members.filter((member) => member.role === 'voter');
  const majority = surveys !== null && isMajority(voters);
  const unhealthy = members.filter((member) => !member.ok);
  const reason =
    status.config === null
      ? `${status.id} does not belong to a cluster yet: ${status.reason}`
      : surveys === null
        ? `${status.id} sees no majority: ${survey.reason}`
        : unhealthy.map((member) => `${member.id}: ${member.reason}`).join('; ');
  const safety = (id: MemberId): StopSafety => {
    // A leader without an answer of the member since its election reports no silence.
    const silentMs = surveys?.[id]?.silentMs ?? outages[id] ?? 0;
    return stopSafety({ members, majority, reason }, id, silentMs >= lostMsMin);
  };
  return {
    askedOf: status.id,
    healthy: majority && unhealthy.length === 0,
    reason,
    leader: status.leader,
    term: status.term,
    majority,
    voters: voters.length,
    learners: members.filter((member) => member.role === 'learner').map((member) => member.id),
    members,
    ...(stop === undefined ? {} : { stop: { member: stop, ...safety(stop) } }),
  };
}

/**
 * Returns why this member must not be stopped now. Returns null if the cluster keeps its majority without it and all
 * other members have caught up.
 */
export function stopBlocker(
  { members, majority }: Pick<ClusterHealth, 'members' | 'majority'>,
  id: MemberId,
): StopBlocker | null {
  if (!majority) return 'no_majority';
  const others = members.filter((member) => member.id !== id);
  if (others.length === members.length) return null;
  if (others.some((member) => !member.ok)) return 'member_unhealthy';
  const { voters, remaining } = votersWithout(id, members);
  return remaining.length * 2 > voters.length ? null : 'too_few_voters';
}

/**
 * Returns why the state of the member that answered may be older than that of the cluster, in one sentence. Returns null if the
 * member has caught up with a majority.
 */
export function staleness({ askedOf, majority, members, reason }: ClusterHealth): string | null {
  if (!majority) return reason === '' ? `${askedOf} sees no majority` : reason;
  const own = members.find(({ id }) => id === askedOf);
  if (own === undefined) return `${askedOf} is not a member of the cluster`;
  if (own.state === 'joining' || own.state === 'isolated') return `${askedOf}: ${own.reason}`;
  if (own.lagEntries === null) return `${askedOf}: the leader has not measured its lag yet`;
  return own.lagEntries > lagEntriesMax ? `${askedOf} lacks ${own.lagEntries} entries` : null;
}

function votersWithout(
  id: MemberId,
  members: readonly MemberHealth[],
): Readonly<Record<'voters' | 'remaining', readonly MemberHealth[]>> {
  const voters = members.filter((member) => member.role === 'voter');
  return { voters, remaining: voters.filter((member) => member.id !== id) };
}

/** Returns the answer of `stopBlocker` in one sentence. */
function stopSafety(
  { members, majority, reason }: Pick<ClusterHealth, 'members' | 'majority' | 'reason'>,
  id: MemberId,
  isLost: boolean,
): StopSafety {
  // The majority does not contain a lost member, so its stop costs nothing.
  if (isLost && majority)
    return { safe: true, reason: `${id} is lost, and the others have a majority`, waitingHelps: false };
  const wait = (why: string): StopSafety => ({ safe: false, reason: why, waitingHelps: true });
  const blocker = stopBlocker({ members, majority }, id);
  const { voters, remaining } = votersWithout(id, members);
  const share = `${remaining.length} of ${voters.length} voters`;
  switch (blocker) {
    case 'no_majority':
      return wait(reason === '' ? 'the cluster has no majority' : reason);
    case 'member_unhealthy': {
      const unhealthy = members.filter((member) => member.id !== id && !member.ok);
      const list = unhealthy.map((member) => `${member.id} is not healthy (${member.reason})`).join('; ');
      return wait(`wait for the other members: ${list}`);
    }
    case 'too_few_voters':
      return { safe: false, reason: `${share} would remain, which is no majority`, waitingHelps: false };
    case null: {
      const isMember = members.some((member) => member.id === id);
      const why = isMember ? `${share} remain and have caught up` : `${id} is not a member of the cluster`;
      return { safe: true, reason: why, waitingHelps: false };
    }
  }
}

function isMajority(voters: readonly MemberHealth[]): boolean {
  const reachable = voters.filter((member) => member.state !== 'unreachable');
  return reachable.length * 2 > voters.length;
}

/** Returns the leader's survey of all members, including itself; null when no leader answered. */
function surveysOf(
  { leader }: MemberStatus,
  survey: AdminOutcome,
): Readonly<Record<MemberId, PeerSurvey>> | null {
  if (leader === null || !survey.accepted || survey.survey === undefined) return null;
  return { ...survey.survey, [leader]: { lagEntries: 0, silentMs: 0 } };
}

function healthOf(
  id: MemberId,
  role: MemberRole,
  status: MemberStatus,
  surveys: Readonly<Record<MemberId, PeerSurvey>> | null,
): MemberHealth {
  const peer = status.peers[id];
  const isSelf = id === status.id;
  const reported = isSelf ? status.state : peer?.state;
  const survey = surveys?.[id];
  const reachable =
    isSelf || (survey === undefined ? status.links[id] === 'up' : survey.silentMs <= silentMsMax);
  const state = reachable && reported !== undefined ? reported : 'unreachable';
  const reason = unhealthyReason(role, state, isSelf ? status.reason : '', survey);
  return {
    id,
    role,
    leader: status.leader === id,
    state,
    ok: reason === '',
    reason,
    lagEntries: survey?.lagEntries ?? null,
    clients: isSelf ? status.connections : (peer?.clients ?? 0),
    load: peer?.load ?? 0,
  };
}

/** Returns why the member is not healthy, in one sentence. Returns an empty text for a healthy member. */
function unhealthyReason(
  role: MemberRole,
  state: MemberHealth['state'],
  ownReason: string,
  survey: PeerSurvey | undefined,
): string {
  if (state === 'unreachable') return 'unreachable';
  if (state !== 'serving') return ownReason === '' ? state : ownReason;
  if (role === 'learner') return 'a learner: it does not vote yet';
  if (survey === undefined) return 'the leader has not measured its lag yet';
  return survey.lagEntries > lagEntriesMax ? `lacks ${survey.lagEntries} entries` : '';
}
