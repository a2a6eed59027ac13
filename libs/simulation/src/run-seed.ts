import { checkDelivery } from './checks/delivery.ts';
import {
  checkOneConnection,
  checkRetained,
  checkSameState,
  isQuiescent,
  isServing,
} from './checks/settled.ts';
import { checkWills } from './checks/wills.ts';
import { usualClient } from './client.ts';
import { Faults } from './faults.ts';
import type { Violation } from './history.ts';
import { createSimulatedMember, settingsOf } from './member-factory.ts';
import { Population, willWatcher } from './population.ts';
import { World } from './world.ts';

export interface RunOptions {
  readonly seed: number;
  /** 1 to 7. */
  readonly members: number;
  /** Gets every line of what happens. */
  readonly trace?: (line: string) => void;
}

export interface RunReport {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly counters: ReadonlyMap<string, number>;
  /** Virtual milliseconds from the heal until all members served. */
  readonly healedMs: number;
}

const foundedWithinMs = 10_000;
const faultsMsMin = 4_000;
const faultsMsMax = 12_000;
/** P7. */
const servingWithinMs = 10_000;
/** After that all that was acknowledged has arrived, or never will. */
const quiescentWithinMs = 30_000;
/** Longer than P6's five seconds, the orphans' grace and the longest delay of a will. */
const willsDueMs = 7_000;
const silentMs = 1_000;

/** One run: founding, clients, faults, heal, rest, and the checks. The same seed gives the same run. */
export function runSeed(options: RunOptions): RunReport {
  const world = new World({
    seed: options.seed,
    members: options.members,
    createMember: createSimulatedMember(settingsOf(options.seed)),
  });
  if (options.trace !== undefined) world.history.trace = options.trace;
  const healedMs = carryOut(world);
  return { seed: options.seed, violations: world.history.violations, counters: countersOf(world), healedMs };
}

function carryOut(world: World): number {
  const { history } = world;
  try {
    return play(world);
  } catch (error) {
    // A member that throws on what its peers, clients or disk do breaks its contract.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    history.violate({ promise: 'contract', text: text.split('\n').slice(0, 6).join('\n    ') });
    return -1;
  }
}

function play(world: World): number {
  const { history, random } = world;
  const population = new Population(world, random.fork());
  const faults = new Faults(world, random.fork());
  world.start();
  population.start();
  if (!world.until(() => isServing(world), foundedWithinMs)) {
    history.violate({
      promise: 'first start',
      text: `no cluster after ${foundedWithinMs} ms: ${statesOf(world)}`,
    });
    return -1;
  }
  world.run(random.between(300, 1_500));
  faults.start();
  world.run(random.between(faultsMsMin, faultsMsMax));
  faults.end();
  history.note(() => 'all faults are over');
  const healedAtMs = world.nowMs;
  if (!world.until(() => isServing(world), servingWithinMs)) {
    history.violate({
      promise: 'P7',
      text: `not serving ${servingWithinMs} ms after the heal: ${statesOf(world)}`,
    });
  }
  const healedMs = world.nowMs - healedAtMs;
  world.run(500);
  population.rest();
  world.run(willsDueMs);
  if (!world.until(() => isQuiescent(world, silentMs), quiescentWithinMs)) {
    history.violate({
      promise: 'P7',
      text: `no rest ${quiescentWithinMs} ms after the heal: ${unrestOf(world)}`,
    });
  }
  check(world);
  return healedMs;
}

function check(world: World): void {
  checkOneConnection(world);
  checkSameState(world);
  checkRetained(world, askForRetained(world));
  checkDelivery(world.history);
  checkWills(world.history, willWatcher);
  for (const [reason, count] of world.history.drops) {
    // Queues are kept below their bounds, so only what is not promised may be dropped.
    if (reason !== 'queueFull' && reason !== 'slowSubscriber' && reason !== 'outboxFull') continue;
    if (reason === 'slowSubscriber') world.history.count('QoS 0 dropped', count);
    else world.history.violate({ promise: 'P9', text: `${count} dropped: ${reason}` });
  }
}

/** A new subscriber at each member, for what it finds retained. */
function askForRetained(world: World): Map<string, Map<string, number>> {
  const auditors = world.hosts.map((host) => {
    const auditor = world.client({
      ...usualClient,
      id: `auditor-${host.id}`,
      clean: true,
      expirySeconds: 0,
      home: host.id,
      subscriptions: [{ filter: 'r/#', qos: 1 }],
    });
    auditor.connect();
    return { host, auditor };
  });
  world.run(1_500);
  return new Map(
    auditors.map(({ host, auditor }) => {
      const retained = (auditor.session?.arrivals ?? []).filter((arrival) => arrival.retained);
      return [host.id, new Map(retained.map((arrival) => [arrival.topic, arrival.publication]))];
    }),
  );
}

function statesOf(world: World): string {
  return world.hosts
    .map((host) => {
      const status = host.member?.status();
      return `${host.id} ${host.state} ${status?.state} ${status?.role} (${status?.reason})`;
    })
    .join('; ');
}

function unrestOf(world: World): string {
  const clients = world.clients
    .filter((client) => !client.isSettled)
    .map(
      (client) => `${client.id} has ${client.outgoing.unfinished} unfinished, connected ${client.connected}`,
    );
  const hosts = world.hosts
    .filter((host) => host.disk.outboxItems > 0 || (host.member?.status().outboxItems ?? 0) > 0)
    .map((host) => `${host.id} has an outbox of ${host.disk.outboxItems}`);
  return [...clients, ...hosts].join('; ');
}

function countersOf(world: World): Map<string, number> {
  const counters = new Map(world.history.counters);
  counters.set('messages', world.history.publications.length);
  counters.set('connections', world.history.connections.size);
  counters.set('sessions', world.history.sessions.length);
  counters.set('virtual seconds', Math.round(world.nowMs / 1_000));
  counters.set('excused (P1: only disk lost)', world.history.excusedPublications.size);
  return counters;
}
