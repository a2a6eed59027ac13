import type { ChangeEffect, MemberItem } from '@mqtt-cluster/api';
import type { ConfiguredMember, MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import { mayAcceptClients } from '@mqtt-cluster/member';

/** Returns the votes that are a majority of a number of voters. */
function majorityOf(voters: number): number {
  return voters === 0 ? 0 : Math.floor(voters / 2) + 1;
}

/**
 * Returns what the removal, the drain or the addition of a member would do to the majority.
 *
 * @param members all members as the asked member sees them now
 */
export function changeEffect(
  action: 'remove' | 'drain' | 'add',
  id: MemberId,
  status: MemberStatus,
  members: readonly Pick<MemberItem, 'id' | 'reachable' | 'state'>[],
): ChangeEffect {
  const configured = status.config?.members ?? [];
  const voters = configured.filter(({ role }) => role === 'voter').map((member) => member.id);
  const isAlive = (member: MemberId): boolean =>
    members.find((each) => each.id === member)?.reachable === true;
  const present = configured.find((member) => member.id === id);
  const after =
    action === 'remove'
      ? voters.filter((voter) => voter !== id)
      : action === 'add' && present?.role !== 'voter'
        ? [...voters, id]
        : voters;
  const base = {
    votersNow: voters.length,
    votersAfter: after.length,
    majorityAfter: majorityOf(after.length),
  };
  const fault =
    faultOf(action, id, status, present !== undefined, voters) ??
    (action === 'remove' && present !== undefined ? missingDrain(present, members) : null);
  if (fault !== null) return { allowed: false, ...base, text: fault };
  if (action === 'drain') return { allowed: true, ...base, text: drainText(id, status, members) };
  const alive = after.filter((voter) => isAlive(voter) || voter === status.id);
  const spare = alive.length - base.majorityAfter;
  const change = `${after.length} ${after.length === 1 ? 'voter' : 'voters'} instead of ${voters.length}; ${base.majorityAfter} are a majority.`;
  if (spare < 0) {
    const text = `${change} Only ${alive.length} of them answer, so the cluster would lose its majority.`;
    return { allowed: false, ...base, text };
  }
  const tolerated =
    spare === 0 ? 'The loss of one more voter would end the majority.' : `${spare} more may fail.`;
  return { allowed: true, ...base, text: `${change} ${tolerated}` };
}

function faultOf(
  action: 'remove' | 'drain' | 'add',
  id: MemberId,
  { config, leader }: MemberStatus,
  isPresent: boolean,
  voters: readonly MemberId[],
): string | null {
  if (config === null) return 'This member does not belong to a cluster yet.';
  if (action === 'drain') return isPresent ? null : `${id} is not a member of the cluster.`;
  if (leader === null) return 'No leader is known, and a change of the members needs a majority.';
  if (action === 'add') return isPresent ? `${id} is a member of the cluster already.` : null;
  if (!isPresent) return `${id} is not a member of the cluster.`;
  if (voters.length === 1 && voters[0] === id) return `${id} is the last voter, which cannot be removed.`;
  return null;
}

/** The leader refuses to remove a member that has not drained, without `force` (docs/DESIGN.md, "Membership"). */
function missingDrain(
  { id, role }: ConfiguredMember,
  members: readonly Pick<MemberItem, 'id' | 'reachable' | 'state'>[],
): string | null {
  const member = members.find((each) => each.id === id);
  if (member?.reachable !== true) return null;
  if (member.state !== null && !mayAcceptClients(member.state, role)) return null;
  return `${id} does not drain: drain it first, then remove it.`;
}

function drainText(
  id: MemberId,
  { leader }: MemberStatus,
  members: readonly Pick<MemberItem, 'id' | 'reachable' | 'state'>[],
): string {
  const others = members.filter((member) => member.id !== id && member.state === 'serving').length;
  const leads = leader === id ? ` ${id} leads, so the leadership moves to another voter.` : '';
  const vote = 'It keeps its vote, so the majority does not change.';
  if (others === 0) return `No other member serves, so the clients of ${id} could connect nowhere. ${vote}`;
  const where = others === 1 ? 'the other serving member' : `the ${others} other serving members`;
  return `The clients of ${id} move to ${where}.${leads} ${vote}`;
}
