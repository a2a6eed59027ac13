import type { LogIndex } from '@mqtt-cluster/contracts';
import type { World } from '../world/world.ts';

/** P7: a partition heals within this of the network's return. */
const healMsMax = 10_000;
/** A member that was down at that time has to start first, which it may have to do twice if its store is damaged. */
const startUpMsMax = 3_000;
/** From the end of all faults until {@link whatIsApart} finds nothing, while clients go on publishing. Virtual milliseconds. */
export const convergedWithinMs = healMsMax + startUpMsMax;
/** From the moment when nothing new is published until every client has what it is owed. Virtual milliseconds. */
export const servedWithinMs = 10_000;

/** What a QoS 2 exchange takes when nothing else is under way: two entries, and the home's wait for company. */
const windowMsPerMessage = 60;

/** The highest index that any member knows to be committed. */
export function committedIndex(world: World): LogIndex {
  return Math.max(0, ...world.hosts.map((host) => host.member?.status().commitIndex ?? 0));
}

/**
 * What keeps the members from being one healthy cluster again: all serve and vote with the stores they have, every link is up, all
 * have applied up to `target`, and nothing that was acked without a majority is left behind.
 *
 * @returns null when nothing does
 */
export function whatIsApart(world: World, target: LogIndex): string | null {
  for (const { id, state, member, disk } of world.hosts) {
    const status = member?.status();
    if (state !== 'running' || status === undefined) return `${id} is ${state}`;
    if (status.state !== 'serving') return `${id} is ${status.state} (${status.reason})`;
    const down = Object.entries(status.links).find(([, link]) => link !== 'up');
    if (down !== undefined) return `the link from ${id} to ${down[0]} is ${down[1]}`;
    const named = status.config?.members.find((one) => one.id === id);
    if (named?.role !== 'voter' || named.storeId !== disk.storeId) return `${id} does not vote`;
    if (status.appliedIndex < target) return `${id} has applied ${status.appliedIndex} of ${target}`;
    if (status.outboxItems > 0 || disk.outboxItems > 0)
      return `${id} has ${Math.max(status.outboxItems, disk.outboxItems)} items in its outbox`;
  }
  const upgraded = world.hosts.every(({ id }) => world.versions.get(id) === 'newer');
  if (upgraded && !world.history.marks.has('semantics-finalised')) return 'the newer version is not in force';
  return null;
}

/** A client that does not have what it is owed: a connection, its acks, or its subscriptions. @returns null when all have */
export function whoWaits(world: World): string | null {
  const client = world.clients.find(({ isSettled }) => !isSettled);
  if (client === undefined) return null;
  return `${client.id} has ${client.outgoing.unfinished} messages unfinished, connected ${client.connected}`;
}

/**
 * How long after `sinceMs` the last client got the last of what other clients published (wills come when they are due), less
 * what its window takes: one with a Receive Maximum of 1 gets one message per round of acknowledgements. Virtual milliseconds.
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
