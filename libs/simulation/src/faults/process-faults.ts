import type { FaultContext } from './fault-context.ts';

/** Kills one or several members, or cuts their power, and starts these members later. */
export function killMembers(context: FaultContext): void {
  const { random, world } = context;
  const count = random.chance(0.6) ? 1 : 1 + random.below(world.hosts.length);
  for (const id of context.randomMembers(count)) {
    context.count('kills');
    if (random.chance(0.5)) world.kill(id);
    else world.powerOff(id);
    context.later(50, 4_000, () => world.start(id));
  }
}

export function killLeader(context: FaultContext): void {
  const leader = context.leader();
  if (leader === null) return;
  context.count('leaders killed');
  if (context.random.chance(0.5)) context.world.kill(leader);
  else context.world.powerOff(leader);
  context.later(50, 3_000, () => context.world.start(leader));
}

/** Cuts the power of all hosts at once and starts them one by one. */
export function cutAllPower(context: FaultContext): void {
  context.count('power cuts');
  for (const { id } of context.world.hosts) {
    context.world.powerOff(id);
    context.later(100, 2_500, () => context.world.start(id));
  }
}

/** Restarts a member so quickly that its peers may not detect the loss of the process. */
export function restartQuickly(context: FaultContext): void {
  const [id] = context.randomMembers(1);
  if (id === undefined) return;
  context.count('restarts');
  context.restart(id, 5, 80);
}

/** Pauses the leader or another member for a while. */
export function pauseMember(context: FaultContext): void {
  const id = context.random.chance(0.5) ? context.leader() : (context.randomMembers(1)[0] ?? null);
  if (id === null || context.world.host(id).state !== 'running') return;
  context.count('pauses');
  context.world.pause(id);
  context.later(300, 7_000, () => context.world.resume(id));
}
