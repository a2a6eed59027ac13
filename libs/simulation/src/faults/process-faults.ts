import type { Faults } from './fault-injector.ts';

export function killSome(faults: Faults): void {
  const { random, world } = faults;
  const count = random.chance(0.6) ? 1 : 1 + random.below(world.hosts.length);
  for (const id of faults.some(count)) {
    faults.count('kills');
    if (random.chance(0.5)) world.kill(id);
    else world.powerOff(id);
    faults.later(50, 4_000, () => world.start(id));
  }
}

export function killLeader(faults: Faults): void {
  const leader = faults.leader();
  if (leader === null) return;
  faults.count('leaders killed');
  if (faults.random.chance(0.5)) faults.world.kill(leader);
  else faults.world.powerOff(leader);
  faults.later(50, 3_000, () => faults.world.start(leader));
}

export function cutPower(faults: Faults): void {
  faults.count('power cuts');
  for (const { id } of faults.world.hosts) {
    faults.world.powerOff(id);
    faults.later(100, 2_500, () => faults.world.start(id));
  }
}

export function restartQuickly(faults: Faults): void {
  const [id] = faults.some(1);
  if (id === undefined) return;
  faults.count('restarts');
  faults.restart(id, 5, 80);
}

export function pauseOne(faults: Faults): void {
  const id = faults.random.chance(0.5) ? faults.leader() : (faults.some(1)[0] ?? null);
  if (id === null || faults.world.host(id).state !== 'running') return;
  faults.count('pauses');
  faults.world.pause(id);
  faults.later(300, 7_000, () => faults.world.wake(id));
}
