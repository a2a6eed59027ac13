import type { Host } from '../world/host.ts';
import type { Faults } from './fault-injector.ts';

const usualSyncMs = [0.5, 4] as const;

export function slowDisk(faults: Faults): void {
  const { random, world } = faults;
  for (const id of faults.some(1 + random.below(3))) {
    faults.count('slow disks');
    const { disk } = world.host(id);
    disk.syncMs = [20, random.between(50, 600)];
    faults.later(1_000, 5_000, () => (disk.syncMs = usualSyncMs));
  }
}

export function fillDisk(faults: Faults): void {
  const [id] = faults.some(1);
  if (id === undefined) return;
  faults.count('full disks');
  faults.world.fillDisk(id, true);
  faults.later(500, 4_000, () => faults.world.fillDisk(id, false));
}

/** Syncs fail for a while (EIO); in some of the cases the power goes before the process is back. */
export function failDisk(faults: Faults): void {
  const { random, world } = faults;
  for (const id of faults.some(random.chance(0.8) ? 1 : 2)) {
    faults.count('failing disks');
    world.failDisk(id, true);
    const powerFails = random.chance(0.4);
    faults.later(50, 3_000, () => {
      world.failDisk(id, false);
      if (!powerFails) return;
      world.powerOff(id);
      faults.later(50, 1_000, () => world.start(id));
    });
  }
}

/** Of a minority of the members at a time: found at the next start, which comes soon, late or never. */
export function flipBit(faults: Faults): void {
  const { random, world } = faults;
  const [id] = faults.some(1);
  if (id === undefined || !world.caretaker.mayLoseDisk(id)) return;
  const hit = world.host(id).disk.flipBit();
  if (hit === null) return;
  faults.count('flipped bits');
  world.history.note(() => `a bit of ${hit} of ${id} is flipped`);
  if (random.chance(0.3)) return;
  faults.later(10, 1_500, () => faults.restart(id, 20, 500));
}

/** Of a minority of the members at a time, whatever else goes wrong. */
export function wipeOne(faults: Faults): void {
  const { world } = faults;
  const [id] = faults.some(1);
  if (id === undefined || !world.caretaker.mayLoseDisk(id)) return;
  faults.count('disks wiped');
  world.wipe(id);
  faults.later(100, 1_500, () => world.start(id));
}

/** All of it works again. */
export function mend(host: Host): void {
  host.disk.full = false;
  host.disk.failing = false;
  host.disk.syncMs = usualSyncMs;
}
