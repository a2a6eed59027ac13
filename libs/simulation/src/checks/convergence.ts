import type { LogIndex } from '@mqtt-cluster/contracts';
import type { World } from '../world/world.ts';

/** Bound of P7 from the return of the network until the members are one healthy cluster. */
const healMsMax = 10_000;
/**
 * Additional time for members that are down when the network returns: such a member must start first, and
 * starts twice if its store is damaged.
 */
const startUpMsMax = 3_000;
/**
 * Bound from the end of all faults until {@link convergenceProblem} is null, while clients publish. Virtual
 * milliseconds.
 */
export const convergenceMsMax = healMsMax + startUpMsMax;
/** Bound from the end of all publishing until every client has received everything. Virtual milliseconds. */
export const serviceMsMax = 10_000;

/**
 * Duration of one QoS 2 handshake without other load: two entries, and the time for which a home collects a
 * batch.
 */
const windowMsPerMessage = 60;

/** Returns the highest commit index of all members. */
export function highestCommitIndex(world: World): LogIndex {
  return Math.max(0, ...world.hosts.map((host) => host.member?.status().commitIndex ?? 0));
}

/**
 * Returns why the members are not one healthy cluster, or null when they are: all members serve and vote with
 * their current stores, every link is up, every member has applied the log up to `target`, and every outbox
 * is empty.
 *
 * @returns the first problem that was found
 */
export function convergenceProblem(world: World, target: LogIndex): string | null {
  for (const { id, state, member, disk } of world.hosts) {
    const status = member?.status();
    if (state !== 'running' || status === undefined) return `${id} is ${state}`;
    if (status.state !== 'serving') return `${id} is ${status.state} (${status.reason})`;
    const down = Object.entries(status.links).find(([, link]) => link !== 'up');
    if (down !== undefined) return `the link from ${id} to ${down[0]} is ${down[1]}`;
    const named = status.config?.members.find((one) => one.id === id);
    if (named?.role !== 'voter' || named.storeId !== disk.storeId)
      return `${id} is not a voter with its current store`;
    if (status.appliedIndex < target)
      return `${id} has applied up to index ${status.appliedIndex} of ${target}`;
    if (status.outboxItems > 0 || disk.outboxItems > 0)
      return `${id} has ${Math.max(status.outboxItems, disk.outboxItems)} items in its outbox`;
  }
  const upgraded = world.hosts.every(({ id }) => world.versions.get(id) === 'newer');
  if (upgraded && !world.history.marks.has('semantics-finalised'))
    return 'the newer semantics version is not in force';
  return null;
}

/**
 * Describes a client that lacks a connection, an acknowledgement or a subscription.
 *
 * @returns null when every client is served
 */
export function unservedClient(world: World): string | null {
  const client = world.clients.find(({ isIdle }) => !isIdle);
  if (client === undefined) return null;
  return `${client.id} has ${client.outgoing.unfinished} unfinished messages and is ${client.connected ? 'connected' : 'not connected'}`;
}

/**
 * Returns the time from `sinceMs` until the last client received its last message, without wills. The result
 * excludes the time of the handshakes, because a client with a Receive Maximum of 1 gets one message per
 * round trip. Virtual milliseconds.
 */
export function queuesDrainedAfterMs(world: World, sinceMs: number): number {
  let latestMs = 0;
  for (const { arrivals } of world.history.sessions) {
    const late = arrivals.filter(({ atMs, publication, retained }) => {
      if (atMs <= sinceMs || retained) return false;
      return (world.history.publications[publication]?.connections.length ?? 0) > 0;
    });
    const last = late.at(-1);
    if (last !== undefined)
      latestMs = Math.max(latestMs, last.atMs - sinceMs - late.length * windowMsPerMessage);
  }
  return latestMs;
}
