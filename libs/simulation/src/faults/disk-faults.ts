import type { Host } from '../world/host.ts';
import type { FaultContext } from './fault-context.ts';

const defaultSyncMs = [0.5, 4] as const;

/** Makes the syncs of one to three disks slow for a while. */
export function slowDisk(context: FaultContext): void {
  const { random, world } = context;
  for (const id of context.randomMembers(1 + random.below(3))) {
    context.count('slow disks');
    const { disk } = world.host(id);
    disk.syncMs = [20, random.between(50, 600)];
    context.later(1_000, 5_000, () => (disk.syncMs = defaultSyncMs));
  }
}

/** Fills a disk for a while. */
export function fillDisk(context: FaultContext): void {
  const [id] = context.randomMembers(1);
  if (id === undefined) return;
  context.count('full disks');
  context.world.fillDisk(id, true);
  context.later(500, 4_000, () => context.world.fillDisk(id, false));
}

/**
 * Makes syncs fail with EIO for a while. In some cases the host loses its power before the process restarts.
 */
export function failDisk(context: FaultContext): void {
  const { random, world } = context;
  for (const id of context.randomMembers(random.chance(0.8) ? 1 : 2)) {
    context.count('failing disks');
    world.failDisk(id, true);
    const powerFails = random.chance(0.4);
    context.later(50, 3_000, () => {
      world.failDisk(id, false);
      if (!powerFails) return;
      world.powerOff(id);
      context.later(50, 1_000, () => world.start(id));
    });
  }
}

/**
 * Flips a bit on at most a minority of the disks at a time. The next start of the member detects the damage,
 * but the run may end before that start.
 */
export function flipBit(context: FaultContext): void {
  const { random, world } = context;
  const [id] = context.randomMembers(1);
  if (id === undefined || !world.operator.canLoseDisk(id)) return;
  const hit = world.host(id).disk.flipBit();
  if (hit === null) return;
  context.count('flipped bits');
  world.history.log(() => `flip a bit in ${hit} of ${id}`);
  if (random.chance(0.3)) return;
  context.later(10, 1_500, () => context.restart(id, 20, 500));
}

/** Replaces at most a minority of the disks at a time by empty ones. */
export function wipeDisk(context: FaultContext): void {
  const { world } = context;
  const [id] = context.randomMembers(1);
  if (id === undefined || !world.operator.canLoseDisk(id)) return;
  context.count('disks wiped');
  world.wipe(id);
  context.later(100, 1_500, () => world.start(id));
}

/** Ends all faults of a disk. */
export function repairDisk(host: Host): void {
  host.disk.full = false;
  host.disk.failing = false;
  host.disk.syncMs = defaultSyncMs;
}
