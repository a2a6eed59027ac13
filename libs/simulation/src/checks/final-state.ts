import type { Member } from '@mqtt-cluster/contracts';
import type { Publication } from '../history/history.ts';
import type { World } from '../world/world.ts';

/** Returns whether all members run and serve. */
export function isServing(world: World): boolean {
  return world.hosts.every((host) => host.state === 'running' && host.member?.status().state === 'serving');
}

/**
 * Returns whether no message is in flight: all clients are idle and received nothing for `silentMs`, and all
 * outboxes are empty.
 */
export function isQuiescent(world: World, silentMs: number): boolean {
  if (world.clients.some((client) => !client.isIdle)) return false;
  const quietSinceMs = world.nowMs - silentMs;
  if (world.clients.some((client) => client.incoming.lastArrivalMs > quietSinceMs)) return false;
  return world.hosts.every((host) => {
    const status = host.member?.status();
    return status !== undefined && status.outboxItems === 0 && host.disk.outboxItems === 0;
  });
}

/** Checks P4: after the network has healed each client id has one connection. */
export function checkOneConnection(world: World): void {
  for (const [client, connections] of world.liveConnections()) {
    if (connections.length < 2) continue;
    const where = connections.map((connection) => `${connection.id} at ${connection.host.id}`).join(' and ');
    world.history.reportViolation({
      promise: 'P4',
      client,
      text: `${client} has more than one connection: ${where}`,
    });
  }
}

/** Checks that all members reach one applied index and have equal digests there. Advances virtual time. */
export function checkSameState(world: World): void {
  const reached = (): boolean => new Set(world.hosts.map((host) => applied(host.member))).size === 1;
  if (!world.until(reached, 5_000)) {
    const indexes = world.hosts.map((host) => `${host.id} ${applied(host.member)}`).join(', ');
    world.history.reportViolation({
      promise: 'P7',
      text: `the members do not reach one applied index: ${indexes}`,
    });
    return;
  }
  for (const host of world.hosts) {
    const status = host.member?.status();
    if (status === undefined) continue;
    if (status.digest !== null)
      world.monitor.raftSafety.digest(host.id, status.digest.index, status.digest.value);
    if (!status.digestsAgree)
      world.history.reportViolation({
        promise: 'same state',
        text: `${host.id} reports that digests differ`,
      });
  }
}

function nameOf(publication: number | undefined): string {
  return publication === undefined ? 'none' : `#${publication}`;
}

function applied(member: Member | null): number {
  return member?.status().appliedIndex ?? -1;
}

/**
 * Checks P5: every member has the same retained messages, and they result from the last writes.
 *
 * @param seen for each member, the publication id by topic that a new subscriber received
 */
export function checkRetained(world: World, seen: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
  const { history } = world;
  const [first, ...others] = [...seen];
  if (first === undefined) return;
  for (const [member, retained] of others) {
    for (const topic of new Set([...first[1].keys(), ...retained.keys()])) {
      const here = retained.get(topic);
      const there = first[1].get(topic);
      if (here === there) continue;
      const text = `retained message of ${topic}: ${nameOf(there)} at ${first[0]}, ${nameOf(here)} at ${member}`;
      history.reportViolation({ promise: 'P5', text });
    }
  }
  const writes = new Map<string, Publication[]>();
  for (const publication of history.publications) {
    if (publication.retain)
      writes.set(publication.topic, [...(writes.get(publication.topic) ?? []), publication]);
  }
  for (const [topic, all] of writes) {
    // The observers subscribe to these topics only. `message-expiry.ts` and `retained-delivery.ts` check the others.
    if (!topic.startsWith('r/')) continue;
    checkLastWrite(world, topic, all, first[1].get(topic));
  }
}

/** Checks that no later acknowledged write should have replaced the retained message. */
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
  const text = `retained message of ${topic} is ${nameOf(value)}, but #${later?.id} was published later and acknowledged`;
  world.history.reportViolation({ promise: 'P5', text });
}
