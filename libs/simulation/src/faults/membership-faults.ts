import type { ClusterConfig, MemberId } from '@mqtt-cluster/contracts';
import type { Version } from '../world/semantics-versions.ts';
import type { History } from '../history/history.ts';
import type { Faults } from './fault-injector.ts';

export function transfer(faults: Faults): void {
  const leader = faults.leader();
  if (leader === null) return;
  faults.count('leadership transfers');
  faults.world.host(leader).post((member) => member.administer(0, { kind: 'transferLeadership' }));
}

/** Clients are sent away first, as before an upgrade. */
export function drainOne(faults: Faults): void {
  const [id] = faults.some(1);
  if (id === undefined || faults.world.host(id).state !== 'running') return;
  faults.count('drains');
  faults.world.host(id).post((member) => member.drain(20));
  faults.draining.add(id);
  faults.later(600, 2_500, () => {
    faults.draining.delete(id);
    faults.restart(id, 50, 1_500);
  });
}

/** One is sent away as an operator does it, and is asked in again later with what it has. */
export function changeMembers(faults: Faults): void {
  const { world } = faults;
  const [id] = faults.some(1);
  if (id === undefined || world.hosts.length < 4 || faults.removed !== null) return;
  if (world.host(id).state !== 'running' || !world.caretaker.mayRemove(id)) return;
  faults.count('members removed');
  faults.removed = id;
  world.host(id).post((member) => member.drain(100));
  faults.later(300, 1_500, () => sendAway(faults, id));
}

function sendAway(faults: Faults, id: MemberId): void {
  const { world } = faults;
  const leading = leaderAndConfig(faults);
  if (leading !== null) {
    if (leading.config.members.some((member) => member.id === id)) {
      const action = { kind: 'removeMember', member: id, force: false } as const;
      world.host(leading.id).post((member) => member.administer(0, action));
    } else {
      world.kill(id);
      faults.later(200, 3_000, () => bringBack(faults, id));
      return;
    }
  }
  faults.later(300, 300, () => sendAway(faults, id));
}

/** It begins anew, as what it had numbered so far was forgotten with it. */
export function bringBack(faults: Faults, id: MemberId): void {
  const { world } = faults;
  if (faults.removed !== id) return;
  world.kill(id);
  world.start(id);
  // Its removal may be on its way only now.
  world.timeline.after(1_000, () => askIn(faults, id));
}

/** Until it votes: another leader may overwrite the entry that names it. */
function askIn(faults: Faults, id: MemberId): void {
  const { world } = faults;
  const leading = leaderAndConfig(faults);
  const itself = leading?.config.members.find((member) => member.id === id);
  if (itself?.role === 'voter') {
    faults.removed = null;
    world.caretaker.returned();
    return;
  }
  if (leading !== null && itself === undefined) {
    world.host(leading.id).post((member) => member.administer(0, { kind: 'addMember', member: id }));
  }
  world.timeline.after(500, () => askIn(faults, id));
}

/** One member is restarted with the newer program; most are, before long. */
export function upgrade(faults: Faults): void {
  const older = faults.world.hosts.filter(({ id }) => faults.world.versions.get(id) !== 'newer');
  const count = faults.random.chance(0.5) ? 1 : older.length;
  for (const { id } of older.slice(0, count)) restartAs(faults, id, 'newer');
  useSettings(faults);
}

/**
 * Operators look first whether the newer version is in force already. It may come into force under their hands, and some do not look:
 * then the older program refuses, and the newer one is brought back.
 */
export function rollBack(faults: Faults): void {
  const { random, world } = faults;
  const newer = world.hosts.filter(({ id }) => world.versions.get(id) === 'newer');
  if (newer.length === 0) return;
  const { id } = random.pick(newer);
  if (!isFinalised(world.history)) {
    restartAs(faults, id, 'older');
    world.history.mark('rolled-back');
  } else if (random.chance(0.3)) {
    restartAs(faults, id, 'older');
    faults.later(1_000, 3_000, () => restartAs(faults, id, 'newer'));
  }
}

/** What the newer version writes in another way. */
function useSettings(faults: Faults): void {
  const { random, world } = faults;
  for (let time = 0; time < 4; time += 1) {
    faults.later(200, 4_000, () => {
      const host = random.pick(world.hosts);
      if (host.state !== 'running') return;
      host.post((member) => member.changeSettings({ retainedMax: 1_000 + random.below(1_000) }));
    });
  }
}

function restartAs(faults: Faults, id: MemberId, version: Version): void {
  faults.count(`starts of the ${version} version`);
  faults.world.kill(id);
  faults.world.versions.set(id, version);
  faults.later(20, 800, () => faults.world.start(id));
}

export function isFinalised(history: History): boolean {
  return history.marks.has('semantics-finalised');
}

function leaderAndConfig(faults: Faults): { readonly id: MemberId; readonly config: ClusterConfig } | null {
  const id = faults.leader();
  const config = id === null ? null : (faults.world.host(id).member?.status().config ?? null);
  return id === null || config === null ? null : { id, config };
}
