import type { Member } from '@mqtt-cluster/contracts';
import type { Publication } from '../history/history.ts';
import type { World } from '../world/world.ts';

/** P7, second half: everybody serves, and all have applied the same. */
export function isServing(world: World): boolean {
  return world.hosts.every((host) => host.state === 'running' && host.member?.status().state === 'serving');
}

/** Nothing is under way any more: what has not arrived now never will. */
export function isQuiescent(world: World, silentMs: number): boolean {
  if (world.clients.some((client) => !client.isSettled)) return false;
  const quietSinceMs = world.nowMs - silentMs;
  if (world.clients.some((client) => client.incoming.lastArrivalMs > quietSinceMs)) return false;
  return world.hosts.every((host) => {
    const status = host.member?.status();
    return status !== undefined && status.outboxItems === 0 && host.disk.outboxItems === 0;
  });
}

/** P4: where the network is whole again one client id has one connection. */
export function checkOneConnection(world: World): void {
  for (const [client, wires] of world.liveConnections()) {
    if (wires.length < 2) continue;
    const where = wires.map((wire) => `${wire.id} at ${wire.host.id}`).join(' and ');
    world.history.violate({ promise: 'P4', client, text: `${client} is connected twice: ${where}` });
  }
}

/** All members at one applied index have equal digests; members are brought there by letting time pass. */
export function checkSameState(world: World): void {
  const reached = (): boolean => new Set(world.hosts.map((host) => applied(host.member))).size === 1;
  if (!world.until(reached, 5_000)) {
    const indexes = world.hosts.map((host) => `${host.id} ${applied(host.member)}`).join(', ');
    world.history.violate({ promise: 'P7', text: `the members do not come to one index: ${indexes}` });
    return;
  }
  for (const host of world.hosts) {
    const status = host.member?.status();
    if (status === undefined) continue;
    if (status.digest !== null) world.watch.digest(host.id, status.digest.index, status.digest.value);
    if (!status.digestsAgree)
      world.history.violate({ promise: 'same state', text: `${host.id} says digests differ` });
  }
}

function applied(member: Member | null): number {
  return member?.status().appliedIndex ?? -1;
}

/** What is retained, as one subscriber at each member got it: topic to publication. */
export function checkRetained(world: World, seen: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
  const { history } = world;
  const [first, ...others] = [...seen];
  if (first === undefined) return;
  for (const [member, retained] of others) {
    for (const topic of new Set([...first[1].keys(), ...retained.keys()])) {
      const here = retained.get(topic);
      const there = first[1].get(topic);
      if (here === there) continue;
      const text = `${topic} is #${there ?? 'nothing'} at ${first[0]} and #${here ?? 'nothing'} at ${member}`;
      history.violate({ promise: 'P5', text });
    }
  }
  const writes = new Map<string, Publication[]>();
  for (const publication of history.publications) {
    if (publication.retain)
      writes.set(publication.topic, [...(writes.get(publication.topic) ?? []), publication]);
  }
  for (const [topic, all] of writes) checkLastWrite(world, topic, all, first[1].get(topic));
}

/** The value must be one that no acknowledged write is certain to have replaced. */
function checkLastWrite(
  world: World,
  topic: string,
  writes: readonly Publication[],
  value: number | undefined,
): void {
  const candidates =
    value === undefined ? writes.filter(({ clears }) => clears) : writes.filter(({ id }) => id === value);
  const never = value === undefined;
  const acked = writes.filter((write) => write.ackedAtMs !== null && !write.ackedDegraded && !write.refused);
  const replaced = (candidate: Publication): Publication | undefined =>
    acked.find(
      (write) =>
        write !== candidate &&
        candidate.ackedAtMs !== null &&
        !candidate.ackedDegraded &&
        (write.sentAtMs as number) > candidate.ackedAtMs,
    );
  if (candidates.some((candidate) => replaced(candidate) === undefined)) return;
  if (never && acked.length === 0) return;
  const later = candidates[0] === undefined ? acked[0] : replaced(candidates[0]);
  const text = `${topic} is #${value ?? 'nothing'}, though #${later?.id} was set later and acknowledged`;
  world.history.violate({ promise: 'P5', text });
}
