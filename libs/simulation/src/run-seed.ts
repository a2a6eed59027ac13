import {
  committedIndex,
  convergedWithinMs,
  queuesDrainedAfterMs,
  servedWithinMs,
  whatIsApart,
  whoWaits,
} from './checks/convergence.ts';
import { checkRetainedArrived } from './checks/retained-delivery.ts';
import { checkDelivery } from './checks/delivery.ts';
import { checkHoard } from './checks/queue-overflow.ts';
import {
  checkOneConnection,
  checkRetained,
  checkSameState,
  isQuiescent,
  isServing,
} from './checks/final-state.ts';
import { checkWills } from './checks/wills.ts';
import { usualClient } from './clients/client.ts';
import { Faults } from './faults/fault-injector.ts';
import type { Violation } from './history/history.ts';
import { createSimulatedMember, settingsOf } from './world/member-factory.ts';
import type { MarkName } from './history/marks.ts';
import { Population, hoarder, willWatcher } from './clients/workload.ts';
import { World } from './world/world.ts';

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
  readonly marks: ReadonlyMap<MarkName, number>;
  /** Virtual milliseconds from the end of all faults until the members were one healthy cluster; null when they never were. */
  readonly convergedMs: number | null;
  /** Virtual milliseconds from the last publish until every client had what it was owed; null when one never had. */
  readonly servedMs: number | null;
}

const foundedWithinMs = 10_000;
const faultsMsMin = 4_000;
const faultsMsMax = 12_000;
/** Longer than P6's five seconds, the orphans' grace and the longest delay of a will. */
const willsDueMs = 7_000;
/** What has not arrived by then never will. */
const silentMs = 1_000;
const quiescentWithinMs = 30_000;

/** One run: founding, clients, faults, heal, rest, and the checks. The same seed gives the same run. */
export function runSeed(options: RunOptions): RunReport {
  const world = new World({
    seed: options.seed,
    members: options.members,
    createMember: createSimulatedMember(settingsOf(options.seed)),
  });
  if (options.trace !== undefined) world.history.trace = options.trace;
  const times = carryOut(world);
  const { violations, marks } = world.history;
  return { seed: options.seed, violations, counters: countersOf(world), marks, ...times };
}

type Times = Pick<RunReport, 'convergedMs' | 'servedMs'>;

function carryOut(world: World): Times {
  const { history } = world;
  try {
    return play(world);
  } catch (error) {
    // A member that throws on what its peers, clients or disk do breaks its contract.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    history.violate({ promise: 'contract', text: text.split('\n').slice(0, 6).join('\n    ') });
    return { convergedMs: null, servedMs: null };
  }
}

function play(world: World): Times {
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
    return { convergedMs: null, servedMs: null };
  }
  world.run(random.between(300, 1_500));
  faults.start();
  world.run(random.between(faultsMsMin, faultsMsMax));
  faults.end();
  history.note(() => 'all faults are over');
  const convergedMs = converge(world);
  world.run(500);
  population.rest();
  const servedMs = serve(world);
  check(world);
  return { convergedMs, servedMs };
}

/** P7, under load: the members become one healthy cluster within the bound. */
function converge(world: World): number | null {
  const healedAtMs = world.nowMs;
  const target = committedIndex(world);
  if (world.until(() => whatIsApart(world, target) === null, convergedWithinMs))
    return world.nowMs - healedAtMs;
  const text = `${convergedWithinMs} ms after the heal ${whatIsApart(world, target)}; ${statesOf(world)}`;
  world.history.violate({ promise: 'P7 members', text });
  return null;
}

/** P7, second half: every client is connected, has its acks and its messages within the bound. */
function serve(world: World): number | null {
  const restedAtMs = world.nowMs;
  const violate = (what: string): void =>
    world.history.violate({ promise: 'P7 clients', text: `${servedWithinMs} ms after the heal ${what}` });
  const acked = world.until(() => whoWaits(world) === null, servedWithinMs);
  if (!acked) violate(whoWaits(world) ?? 'a client waited');
  const ackedMs = world.nowMs - restedAtMs;
  world.run(willsDueMs);
  if (!world.until(() => isQuiescent(world, silentMs), quiescentWithinMs)) violate('messages still arrive');
  const servedMs = Math.max(ackedMs, queuesDrainedAfterMs(world, restedAtMs));
  if (servedMs > servedWithinMs) violate('messages were still queued');
  return acked ? servedMs : null;
}

function check(world: World): void {
  checkOneConnection(world);
  checkSameState(world);
  checkRetained(world, askForRetained(world));
  checkDelivery(world.history, new Set([hoarder]));
  checkRetainedArrived(world.history);
  checkWills(world.history, willWatcher);
  const hoards = world.clients.some(({ id }) => id === hoarder);
  if (hoards) checkHoard(world.history, hoarder);
  for (const [reason, count] of world.history.drops) {
    if (reason === 'queueFull' && hoards) continue;
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

function countersOf(world: World): Map<string, number> {
  const counters = new Map(world.history.counters);
  counters.set('messages', world.history.publications.length);
  counters.set('connections', world.history.connections.size);
  counters.set('sessions', world.history.sessions.length);
  counters.set('virtual seconds', Math.round(world.nowMs / 1_000));
  counters.set('excused (P1: only disk lost)', world.history.excusedPublications.size);
  return counters;
}
