import type { World } from '../world/world.ts';
import type { FaultContext } from './fault-context.ts';

/** Splits the members into two or three sets, and heals the network later. */
export function partition(context: FaultContext): void {
  const { random, world } = context;
  context.count('partitions');
  const ids = context.randomMembers(world.hosts.length);
  const half = Math.floor(ids.length / 2);
  const shape = random.below(3);
  if (shape === 0) world.partition(ids.slice(0, half + 1), ids.slice(half + 1));
  else if (shape === 1) world.partition(ids.slice(0, half), ids.slice(half, -1), ids.slice(-1));
  else world.partition(ids.slice(1), ids.slice(0, 1));
  context.later(500, 6_000, () => world.heal());
}

/**
 * Isolates a member with a connected publisher, long enough for degraded acknowledgements. Then restarts the
 * member, before or after the partition heals.
 */
export function restartIsolatedHome(context: FaultContext): void {
  const { random, world } = context;
  // Without a publisher the isolated member would acknowledge nothing.
  const homes = world.clients.flatMap(({ id: client, connection, connected }) =>
    connected && connection !== null && client.startsWith('publisher') ? [connection.host.id] : [],
  );
  if (homes.length === 0 || world.hosts.length < 2) return;
  const id = random.pick(homes);
  const others = world.hosts.map((host) => host.id).filter((other) => other !== id);
  context.count('isolated members restarted');
  world.partition(others, [id]);
  context.later(2_200, 3_200, () => {
    context.restart(id, 50, 1_500);
    context.later(10, 1_000, () => world.heal());
  });
}

/**
 * Blocks one direction between some members and all other members. In some cases only the leader is affected.
 */
export function partitionOneWay(context: FaultContext): void {
  const { random, world } = context;
  if (world.hosts.length < 2) return;
  context.count('one-way partitions');
  world.history.mark('one-way-partition');
  const leader = context.leader();
  const ids = context.randomMembers(world.hosts.length);
  const some =
    leader !== null && random.chance(0.5) ? [leader] : ids.slice(0, 1 + random.below(ids.length - 1));
  const cannotReceive = random.chance(0.5);
  for (const id of some) {
    for (const other of ids) {
      if (some.includes(other)) continue;
      world.cutLink(cannotReceive ? other : id, cannotReceive ? id : other, 'one');
    }
  }
  context.later(500, 5_000, () => world.heal());
}

/** Blocks one direction of a link for a while. */
export function cutLinkOneWay(context: FaultContext): void {
  const [from, to] = context.randomMembers(2);
  if (from === undefined || to === undefined) return;
  context.count('one-way cuts');
  context.world.cutLink(from, to, 'one');
  context.later(500, 5_000, () => context.world.restoreLink(from, to));
}

/** Blocks both directions of a link for a while. */
export function cutLink(context: FaultContext): void {
  const [one, other] = context.randomMembers(2);
  if (one === undefined || other === undefined) return;
  context.count('links cut');
  context.world.cutLink(one, other);
  context.later(500, 5_000, () => context.world.restoreLink(one, other));
}

/** Cuts and restores a link six times. */
export function flapLink(context: FaultContext): void {
  const [one, other] = context.randomMembers(2);
  if (one === undefined || other === undefined) return;
  context.count('flapping links');
  const { timeline } = context.world;
  for (let time = 0; time < 6; time += 1) {
    timeline.after(time * 700, () => context.isActive && context.world.cutLink(one, other));
    timeline.after(time * 700 + 300, () => context.world.restoreLink(one, other));
  }
}

/** Adds a large jitter to all messages that two members send. */
export function slowLinks(context: FaultContext): void {
  const { random, world } = context;
  context.count('slow links');
  for (const id of context.randomMembers(2)) {
    for (const other of world.hosts) {
      if (other.id === id) continue;
      const jitterMs = random.between(20, 400);
      world.network.path(id, other.id).jitterMs = jitterMs;
      world.history.peerDelayMsMax = Math.max(world.history.peerDelayMsMax, jitterMs);
    }
  }
  context.later(1_000, 5_000, () => resetJitter(world));
}

/**
 * Isolates each new leader, alone or with a few members, so that logs are overwritten (Raft paper, figure 8).
 */
export function isolateLeaders(context: FaultContext): void {
  const { random, world } = context;
  context.count('repeated leader partitions');
  for (let time = 0; time < 8; time += 1) {
    world.timeline.after(time * 600 + random.between(0, 500), () => {
      const leader = context.leader();
      if (!context.isActive || leader === null) return;
      const others = context.randomMembers(world.hosts.length).filter((id) => id !== leader);
      const companions = random.below(3);
      world.partition([leader, ...others.slice(0, companions)], others.slice(companions));
      if (random.chance(0.3)) context.restart(leader, 100, 900);
    });
  }
  context.later(5_200, 6_000, () => world.heal());
}

/** Removes the jitter of all links. */
export function resetJitter(world: World): void {
  for (const from of world.hosts) {
    for (const to of world.hosts) if (from !== to) world.network.path(from.id, to.id).jitterMs = 1;
  }
}
