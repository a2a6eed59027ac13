import type {
  AdminOutcome,
  MemberId,
  MemberRole,
  MemberStatus,
  PeerSurvey,
  ServingState,
} from '@mqtt-cluster/contracts';

/** A member that lacks more has not caught up. */
const lagEntriesMax = 1_000;
/** Heartbeats are answered every few hundred milliseconds; beyond this a member does not count as being there. */
const silentMsMax = 2_000;

export interface MemberHealth {
  readonly id: MemberId;
  readonly role: MemberRole;
  readonly leader: boolean;
  readonly state: ServingState | 'unreachable';
  /** There, caught up and serving. */
  readonly ok: boolean;
  /** In one sentence why not; empty when it is. */
  readonly reason: string;
  /** Entries it lacks, as the leader knows; null without a leader. */
  readonly lagEntries: number | null;
  readonly clients: number;
  readonly load: number;
}

export interface ClusterHealth {
  /** The member that says so. */
  readonly askedOf: MemberId;
  readonly healthy: boolean;
  readonly reason: string;
  readonly leader: MemberId | null;
  readonly term: number;
  /** A leader is followed by more than half of the voters. */
  readonly majority: boolean;
  readonly voters: number;
  readonly learners: readonly MemberId[];
  readonly members: readonly MemberHealth[];
  /** Only when asked about one: may it be stopped now? */
  readonly stop?: { readonly member: MemberId } & Spareness;
}

export interface Spareness {
  readonly safe: boolean;
  readonly reason: string;
  /** Not safe, and not going to be by itself: all that is there is well, and too few. */
  readonly waitingHelps: boolean;
}

/** What the cluster looks like from one member, with what its leader knows (`survey`). */
export function clusterHealth(status: MemberStatus, survey: AdminOutcome, stop?: MemberId): ClusterHealth {
  const known = withLeader(status, survey);
  const members = (status.config?.members ?? []).map(({ id, role }) => healthOf(id, role, status, known));
  const voters = members.filter((member) => member.role === 'voter');
  const majority = known !== null && isMajority(voters);
  const trouble = members.filter((member) => !member.ok);
  const reason =
    status.config === null
      ? `${status.id} belongs to no cluster yet: ${status.reason}`
      : known === null
        ? `no majority as far as ${status.id} knows: ${survey.reason}`
        : trouble.map((member) => `${member.id}: ${member.reason}`).join('; ');
  return {
    askedOf: status.id,
    healthy: majority && trouble.length === 0,
    reason,
    leader: status.leader,
    term: status.term,
    majority,
    voters: voters.length,
    learners: members.filter((member) => member.role === 'learner').map((member) => member.id),
    members,
    ...(stop === undefined ? {} : { stop: { member: stop, ...mayStop(stop, members, majority, reason) } }),
  };
}

/** Would the cluster keep its majority without this member, with all the others caught up? */
function mayStop(
  id: MemberId,
  members: readonly MemberHealth[],
  majority: boolean,
  reason: string,
): Spareness {
  const wait = (why: string): Spareness => ({ safe: false, reason: why, waitingHelps: true });
  if (!majority) return wait(reason === '' ? 'the cluster has no majority' : reason);
  const others = members.filter((member) => member.id !== id);
  if (others.length === members.length)
    return { safe: true, reason: `${id} is no member of the cluster`, waitingHelps: false };
  const trouble = others.filter((member) => !member.ok);
  if (trouble.length > 0) {
    const words = trouble.map((member) => `${member.id} is not well (${member.reason})`).join('; ');
    return wait(`wait for the others first: ${words}`);
  }
  const voters = members.filter((member) => member.role === 'voter');
  const left = voters.filter((member) => member.id !== id);
  const safe = left.length * 2 > voters.length;
  const shares = `${left.length} of ${voters.length} voters`;
  return {
    safe,
    reason: safe ? `${shares} stay and have caught up` : `${shares} would be no majority`,
    waitingHelps: false,
  };
}

function isMajority(voters: readonly MemberHealth[]): boolean {
  const there = voters.filter((member) => member.state !== 'unreachable');
  return there.length * 2 > voters.length;
}

/** The leader's word on the others, itself included; null when there is none. */
function withLeader(
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
  known: Readonly<Record<MemberId, PeerSurvey>> | null,
): MemberHealth {
  const peer = status.peers[id];
  const own = id === status.id;
  const told = own ? status.state : peer?.state;
  const survey = known?.[id];
  const heard = own || (survey === undefined ? status.links[id] === 'up' : survey.silentMs <= silentMsMax);
  const state = heard && told !== undefined ? told : 'unreachable';
  const reason = troubleOf(role, state, own ? status.reason : '', survey);
  return {
    id,
    role,
    leader: status.leader === id,
    state,
    ok: reason === '',
    reason,
    lagEntries: survey?.lagEntries ?? null,
    clients: own ? status.connections : (peer?.clients ?? 0),
    load: peer?.load ?? 0,
  };
}

function troubleOf(
  role: MemberRole,
  state: MemberHealth['state'],
  told: string,
  survey: PeerSurvey | undefined,
): string {
  if (state === 'unreachable') return 'not heard';
  if (state !== 'serving') return told === '' ? state : told;
  if (role === 'learner') return 'a learner: it does not vote yet';
  if (survey === undefined) return 'the leader has not found out yet what it lacks';
  return survey.lagEntries > lagEntriesMax ? `lacks ${survey.lagEntries} entries` : '';
}
