import type { ClusterConfig, MemberId } from '@mqtt-cluster/contracts';
import type { ProgramVersion } from '../world/semantics-versions.ts';
import type { History } from '../history/history.ts';
import type { FaultContext } from './fault-context.ts';

export function transferLeadership(context: FaultContext): void {
  const leader = context.leader();
  if (leader === null) return;
  context.count('leadership transfers');
  context.world.host(leader).post((member) => member.administer(0, { kind: 'transferLeadership' }));
}

/** Drains a member and restarts it, as operators do for an upgrade. */
export function drainMember(context: FaultContext): void {
  const [id] = context.randomMembers(1);
  if (id === undefined || context.world.host(id).state !== 'running') return;
  context.count('drains');
  context.world.host(id).post((member) => member.drain(20));
  context.draining.add(id);
  context.later(600, 2_500, () => {
    context.draining.delete(id);
    context.restart(id, 50, 1_500);
  });
}

/** Drains and removes a member as an operator does, and adds it again later. */
export function removeAndAddMember(context: FaultContext): void {
  const { world } = context;
  const [id] = context.randomMembers(1);
  if (id === undefined || world.hosts.length < 4 || context.removed !== null) return;
  if (world.host(id).state !== 'running' || !world.operator.canRemove(id)) return;
  context.count('members removed');
  context.removed = id;
  world.host(id).post((member) => member.drain(100));
  context.later(300, 1_500, () => removeDrainedMember(context, id));
}

function removeDrainedMember(context: FaultContext, id: MemberId): void {
  const { world } = context;
  const leading = leaderAndConfig(context);
  if (leading !== null) {
    if (leading.config.members.some((member) => member.id === id)) {
      const action = { kind: 'removeMember', member: id, force: false } as const;
      world.host(leading.id).post((member) => member.administer(0, action));
      // A restart ends the drain, and the leader removes only drained members.
      const host = world.host(id);
      if (host.member?.status().state !== 'draining') host.post((member) => member.drain(100));
    } else {
      world.kill(id);
      context.later(200, 3_000, () => addMemberBack(context, id));
      return;
    }
  }
  context.later(300, 300, () => removeDrainedMember(context, id));
}

/**
 * Restarts a removed member and adds it again. The restart begins a new incarnation, because the cluster has
 * dropped the sequence numbers of the old one.
 */
export function addMemberBack(context: FaultContext, id: MemberId): void {
  const { world } = context;
  if (context.removed !== id) return;
  world.kill(id);
  world.start(id);
  // The removal of the member may not be committed yet, so the request to add the member again follows a
  // second later.
  world.timeline.after(1_000, () => requestAdmission(context, id));
}

/**
 * Repeats the request to add the member until the member is a voter, because another leader may overwrite the
 * entry that adds the member.
 */
function requestAdmission(context: FaultContext, id: MemberId): void {
  const { world } = context;
  const leading = leaderAndConfig(context);
  const own = leading?.config.members.find((member) => member.id === id);
  if (own?.role === 'voter') {
    context.removed = null;
    world.operator.memberReturned();
    return;
  }
  if (leading !== null && own === undefined) {
    world.host(leading.id).post((member) => member.administer(0, { kind: 'addMember', member: id }));
  }
  world.timeline.after(500, () => requestAdmission(context, id));
}

/** Restarts one member, or all members, with the newer version of the program. */
export function upgrade(context: FaultContext): void {
  const older = context.world.hosts.filter(({ id }) => context.world.versions.get(id) !== 'newer');
  const count = context.random.chance(0.5) ? 1 : older.length;
  for (const { id } of older.slice(0, count)) restartAs(context, id, 'newer');
  changeSettings(context);
}

/**
 * Restarts a member with the older version. An operator should check first whether the newer semantics
 * version is in force. If this version is in force, the older program applies no entries, and the operator
 * starts the newer program again.
 */
export function rollBack(context: FaultContext): void {
  const { random, world } = context;
  const newer = world.hosts.filter(({ id }) => world.versions.get(id) === 'newer');
  if (newer.length === 0) return;
  const { id } = random.pick(newer);
  if (!isNewerVersionInForce(world.history)) {
    restartAs(context, id, 'older');
    world.history.mark('rolled-back');
  } else if (random.chance(0.3)) {
    restartAs(context, id, 'older');
    context.later(1_000, 3_000, () => restartAs(context, id, 'newer'));
  }
}

/** Changes settings several times, because the newer version encodes the `settings` command differently. */
function changeSettings(context: FaultContext): void {
  const { random, world } = context;
  for (let time = 0; time < 4; time += 1) {
    context.later(200, 4_000, () => {
      const host = random.pick(world.hosts);
      if (host.state !== 'running') return;
      host.post((member) => member.changeSettings({ retainedMax: 1_000 + random.below(1_000) }));
    });
  }
}

function restartAs(context: FaultContext, id: MemberId, version: ProgramVersion): void {
  context.count(`starts of the ${version} version`);
  context.world.kill(id);
  context.world.versions.set(id, version);
  context.later(20, 800, () => context.world.start(id));
}

export function isNewerVersionInForce(history: History): boolean {
  return history.marks.has('semantics-finalised');
}

function leaderAndConfig(
  context: FaultContext,
): { readonly id: MemberId; readonly config: ClusterConfig } | null {
  const id = context.leader();
  const config = id === null ? null : (context.world.host(id).member?.status().config ?? null);
  return id === null || config === null ? null : { id, config };
}
