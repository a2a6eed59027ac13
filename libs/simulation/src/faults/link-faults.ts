import type { World } from '../world/world.ts';
import type { Faults } from './fault-injector.ts';

export function split(faults: Faults): void {
  const { random, world } = faults;
  faults.count('partitions');
  const ids = faults.some(world.hosts.length);
  const half = Math.floor(ids.length / 2);
  const shape = random.below(3);
  if (shape === 0) world.partition(ids.slice(0, half + 1), ids.slice(half + 1));
  else if (shape === 1) world.partition(ids.slice(0, half), ids.slice(half, -1), ids.slice(-1));
  else world.partition(ids.slice(1), ids.slice(0, 1));
  faults.later(500, 6_000, () => world.heal());
}

/** Alone for long enough to accept without the others, then started again, there or back among them. */
export function killIslander(faults: Faults): void {
  const { random, world } = faults;
  // Where something is published, or there would be nothing to accept.
  const homes = world.clients.flatMap(({ id: client, wire, connected }) =>
    connected && wire !== null && client.startsWith('publisher') ? [wire.host.id] : [],
  );
  if (homes.length === 0 || world.hosts.length < 2) return;
  const id = random.pick(homes);
  const others = world.hosts.map((host) => host.id).filter((other) => other !== id);
  faults.count('islanders killed');
  world.partition(others, [id]);
  faults.later(2_200, 3_200, () => {
    faults.restart(id, 50, 1_500);
    faults.later(10, 1_000, () => world.heal());
  });
}

/** Some of them can only hear the others, or only be heard; also just the leader. */
export function splitOneWay(faults: Faults): void {
  const { random, world } = faults;
  if (world.hosts.length < 2) return;
  faults.count('one-way partitions');
  world.history.mark('one-way-partition');
  const leader = faults.leader();
  const ids = faults.some(world.hosts.length);
  const some =
    leader !== null && random.chance(0.5) ? [leader] : ids.slice(0, 1 + random.below(ids.length - 1));
  const deaf = random.chance(0.5);
  for (const id of some) {
    for (const other of ids) {
      if (some.includes(other)) continue;
      world.cut(deaf ? other : id, deaf ? id : other, 'one');
    }
  }
  faults.later(500, 5_000, () => world.heal());
}

export function cutOneWay(faults: Faults): void {
  const [from, to] = faults.some(2);
  if (from === undefined || to === undefined) return;
  faults.count('one-way cuts');
  faults.world.cut(from, to, 'one');
  faults.later(500, 5_000, () => faults.world.join(from, to));
}

export function cutLink(faults: Faults): void {
  const [one, other] = faults.some(2);
  if (one === undefined || other === undefined) return;
  faults.count('links cut');
  faults.world.cut(one, other);
  faults.later(500, 5_000, () => faults.world.join(one, other));
}

export function flap(faults: Faults): void {
  const [one, other] = faults.some(2);
  if (one === undefined || other === undefined) return;
  faults.count('flapping links');
  const { timeline } = faults.world;
  for (let time = 0; time < 6; time += 1) {
    timeline.after(time * 700, () => faults.isBusy && faults.world.cut(one, other));
    timeline.after(time * 700 + 300, () => faults.world.join(one, other));
  }
}

export function slowLinks(faults: Faults): void {
  const { random, world } = faults;
  faults.count('slow links');
  for (const id of faults.some(2)) {
    for (const other of world.hosts) {
      if (other.id === id) continue;
      world.network.path(id, other.id).jitterMs = random.between(20, 400);
    }
  }
  faults.later(1_000, 5_000, () => calm(world));
}

/** Leaders that are cut off as soon as they lead, with or without friends: overwritten tails (paper, figure 8). */
export function storm(faults: Faults): void {
  const { random, world } = faults;
  faults.count('storms');
  for (let time = 0; time < 8; time += 1) {
    world.timeline.after(time * 600 + random.between(0, 500), () => {
      const leader = faults.leader();
      if (!faults.isBusy || leader === null) return;
      const others = faults.some(world.hosts.length).filter((id) => id !== leader);
      const friends = random.below(3);
      world.partition([leader, ...others.slice(0, friends)], others.slice(friends));
      if (random.chance(0.3)) faults.restart(leader, 100, 900);
    });
  }
  faults.later(5_200, 6_000, () => world.heal());
}

export function calm(world: World): void {
  for (const from of world.hosts) {
    for (const to of world.hosts) if (from !== to) world.network.path(from.id, to.id).jitterMs = 1;
  }
}
