import {
  highestCommitIndex,
  convergenceMsMax,
  queuesDrainedAfterMs,
  serviceMsMax,
  convergenceProblem,
  unservedClient,
} from './checks/convergence.ts';
import { checkRetainedDelivery } from './checks/retained-delivery.ts';
import { checkDelivery } from './checks/delivery.ts';
import { checkGreedy } from './checks/greedy.ts';
import { checkQueueOverflow } from './checks/queue-overflow.ts';
import {
  checkOneConnection,
  checkRetained,
  checkSameState,
  isQuiescent,
  isServing,
} from './checks/final-state.ts';
import { ClusterTimePhase } from './cluster-time-phase.ts';
import { checkMessageExpiry } from './checks/message-expiry.ts';
import { checkQos0 } from './checks/qos0.ts';
import { checkRedelivery } from './checks/redelivery.ts';
import { checkSharedDelivery } from './checks/shared-delivery.ts';
import { checkRetainAsPublished } from './checks/retain-as-published.ts';
import { checkSessionEnds } from './checks/session-ends.ts';
import { checkSubscriptionOptions } from './checks/subscription-options.ts';
import { checkWills } from './checks/wills.ts';
import { defaultClient } from './clients/client-options.ts';
import { GreedyPopulation, greedyClient } from './clients/greedy-population.ts';
import { Mqtt5Population } from './clients/mqtt5-population.ts';
import { FaultInjector } from './faults/fault-injector.ts';
import { PageFaultInjector } from './faults/page-faults.ts';
import { LinkPopulation } from './links/link-population.ts';
import type { CalmPeriod, Violation } from './history/history.ts';
import { simulatedMemberFactory, settingsForSeed, settingsWithPages } from './world/member-factory.ts';
import type { MarkName } from './history/marks.ts';
import { AccessPopulation } from './clients/access-population.ts';
import { Workload, overflowClient, willWatcher } from './clients/workload.ts';
import { createRandom } from './world/random.ts';
import { World } from './world/world.ts';

export interface RunOptions {
  readonly seed: number;
  /** Number of members, 1 to 7. */
  readonly members: number;
  /**
   * Whether the members keep most queued messages in page files, and the disks below these files have faults. Default: false.
   */
  readonly pageFaults?: boolean;
  /** Whether the cluster has a link to another site. Default: false. */
  readonly links?: boolean;
  /** Receives every trace line. */
  readonly trace?: (line: string) => void;
}

export interface RunReport {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly counters: ReadonlyMap<string, number>;
  readonly marks: ReadonlyMap<MarkName, number>;
  /**
   * Virtual milliseconds from the end of all faults until the members were one healthy cluster; null if the
   * members never were.
   */
  readonly convergedMs: number | null;
  /**
   * Virtual milliseconds from the last publish until every client had received everything; null if a client
   * never had.
   */
  readonly servedMs: number | null;
}

const foundedWithinMs = 10_000;
const faultsMsMin = 4_000;
const faultsMsMax = 12_000;
/**
 * Time after the end of publishing in which all wills must arrive. It is longer than the five seconds of P6,
 * the time for which a session stays an orphan, and the longest will delay.
 */
const willsDueMs = 7_000;
/** Time of publishing after the members were one healthy cluster again. */
const calmMs = 1_000;
/** Changes the seed of the MQTT 5 clients, so that their random numbers differ from those of the world. */
const mqtt5Seed = 0x5a5a;
/** The same for the clients of users. */
const accessSeed = 0xacce;
const greedySeed = 0x6eed;
const pageSeed = 0x9a6e;
const linkSeed = 0x11c4;
/** If no message arrives for this time, no message is in flight. */
const silentMs = 1_000;
/** Upper bound of the bytes of the retained messages in the phase of cluster time. */
const timeRetainedBytesMax = 20_000;
/** Part of the seeds with a phase of cluster time. */
const clusterTimeShare = 0.4;
const quiescentWithinMs = 30_000;

/**
 * Runs one seed: bootstrap, clients, faults, heal, end of publishing, checks. The same seed and number of
 * members always give the same run.
 */
export function runSeed(options: RunOptions): RunReport {
  const { pageFaults = false } = options;
  const world = new World({
    seed: options.seed,
    members: options.members,
    createMember: simulatedMemberFactory((pageFaults ? settingsWithPages : settingsForSeed)(options.seed)),
    pageFiles: pageFaults,
  });
  if (options.trace !== undefined) world.history.trace = options.trace;
  const times = runGuarded(world, options);
  const { violations, marks } = world.history;
  return { seed: options.seed, violations, counters: countersOf(world), marks, ...times };
}

type Times = Pick<RunReport, 'convergedMs' | 'servedMs'>;

function runGuarded(world: World, options: RunOptions): Times {
  const { history } = world;
  try {
    return runPhases(world, options);
  } catch (error) {
    // A member must not throw an error because of its peers, clients or disk.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    history.reportViolation({ promise: 'contract', text: text.split('\n').slice(0, 6).join('\n    ') });
    return { convergedMs: null, servedMs: null };
  }
}

function runPhases(world: World, { seed, pageFaults = false, links = false }: RunOptions): Times {
  const { history, random } = world;
  const workload = new Workload(world, random.fork());
  const population = new Mqtt5Population(world, createRandom(seed ^ mqtt5Seed));
  const users = new AccessPopulation(world, createRandom(seed ^ accessSeed));
  const greedy = new GreedyPopulation(world, createRandom(seed ^ greedySeed));
  const faults = new FaultInjector(world, random.fork());
  const pages = pageFaults ? new PageFaultInjector(world, createRandom(seed ^ pageSeed)) : null;
  const link = links ? new LinkPopulation(world, createRandom(seed ^ linkSeed)) : null;
  world.start();
  workload.start();
  population.start();
  users.start();
  greedy.start();
  link?.start();
  if (!world.until(() => isServing(world), foundedWithinMs)) {
    history.reportViolation({
      promise: 'bootstrap',
      text: `not all members served within ${foundedWithinMs} ms after the bootstrap: ${statesOf(world)}`,
    });
    return { convergedMs: null, servedMs: null };
  }
  const founded = calmFrom(world, world.nowMs);
  world.run(random.between(300, 1_500));
  founded.toMs = world.nowMs;
  faults.start();
  pages?.start();
  link?.startFaults();
  world.run(random.between(faultsMsMin, faultsMsMax));
  pages?.end();
  link?.endFaults();
  faults.end();
  history.log(() => 'all faults are over');
  const convergedMs = converge(world);
  if (convergedMs !== null) calmFrom(world, world.nowMs).toMs = Infinity;
  world.run(calmMs);
  workload.stop();
  population.stop();
  users.stop();
  greedy.stop();
  link?.stop();
  const servedMs = serve(world, link);
  check(world);
  link?.check();
  checkClusterTime(world);
  return { convergedMs, servedMs };
}

/** Records the beginning of a period without faults. The caller sets its end. */
function calmFrom({ history }: World, fromMs: number): CalmPeriod {
  const period: CalmPeriod = { fromMs, toMs: fromMs };
  history.calmPeriods.push(period);
  return period;
}

/** Checks P7 under load: the members become one healthy cluster within the bound. */
function converge(world: World): number | null {
  const healedAtMs = world.nowMs;
  const target = highestCommitIndex(world);
  if (world.until(() => convergenceProblem(world, target) === null, convergenceMsMax))
    return world.nowMs - healedAtMs;
  const text = `${convergenceMsMax} ms after the heal: ${convergenceProblem(world, target)}; ${statesOf(world)}`;
  world.history.reportViolation({ promise: 'P7 members', text });
  return null;
}

/**
 * Checks P7 for clients: every client is connected, and has its acknowledgements and messages, within the
 * bound.
 */
function serve(world: World, link: LinkPopulation | null): number | null {
  const restedAtMs = world.nowMs;
  const violate = (what: string): void =>
    world.history.reportViolation({
      promise: 'P7 clients',
      text: `${serviceMsMax} ms after the end of publishing: ${what}`,
    });
  const problem = (): string | null => unservedClient(world) ?? link?.problem() ?? null;
  const acked = world.until(() => problem() === null, serviceMsMax);
  if (!acked) violate(problem() ?? 'a client was not served in time');
  const ackedMs = world.nowMs - restedAtMs;
  world.run(willsDueMs);
  if (!world.until(() => isQuiescent(world, silentMs), quiescentWithinMs)) violate('messages still arrive');
  const servedMs = Math.max(ackedMs, queuesDrainedAfterMs(world, restedAtMs));
  if (servedMs > serviceMsMax) violate('messages were still queued');
  return acked ? servedMs : null;
}

function check(world: World): void {
  checkOneConnection(world);
  checkSameState(world);
  checkRetained(world, collectRetained(world));
  checkDelivery(world.history, new Set([overflowClient, `${greedyClient}-absent`]));
  checkGreedy(world.history);
  checkSharedDelivery(world.history);
  checkRedelivery(world.history);
  checkMessageExpiry(world.history);
  checkSubscriptionOptions(world.history);
  checkRetainAsPublished(world.history);
  checkSessionEnds(world.history);
  checkQos0(world.history);
  checkRetainedDelivery(world.history);
  checkWills(world.history, willWatcher);
  const isGreedy = world.clients.some(({ id }) => id.startsWith(greedyClient));
  const overflows = world.clients.some(({ id }) => id === overflowClient);
  // The queue of a greedy client may be as small as this one, and then both lose messages.
  if (overflows && !isGreedy) checkQueueOverflow(world.history, overflowClient);
  for (const [reason, count] of world.history.drops) {
    if (reason === 'queueFull' && (overflows || isGreedy)) continue;
    if (reason === 'queueShare' && isGreedy) continue;
    // All other queues stay below their bounds, so only QoS 0 messages may be dropped.
    if (
      reason !== 'queueFull' &&
      reason !== 'queueShare' &&
      reason !== 'slowSubscriber' &&
      reason !== 'outboxFull'
    )
      continue;
    if (reason === 'slowSubscriber') world.history.count('QoS 0 dropped', count);
    else world.history.reportViolation({ promise: 'P9', text: `${count} messages dropped: ${reason}` });
  }
}

/** Runs the phase of cluster time in a part of the seeds, after everything else, so that it changes nothing. */
function checkClusterTime(world: World): void {
  const random = createRandom(world.seed ^ 0x71c3);
  if (!random.chance(clusterTimeShare) || !isServing(world) || lacksRetainedRoom(world)) return;
  new ClusterTimePhase(world, random.fork()).run();
  checkSameState(world);
}

/** Returns whether the members may refuse the retained messages of the phase of cluster time. */
function lacksRetainedRoom({ hosts }: World): boolean {
  return hosts.some(({ member }) => {
    const retained = member?.status().stateBytes.retained;
    return retained !== undefined && retained.bytes + timeRetainedBytesMax > retained.max;
  });
}

/** Subscribes a new client at each member and returns the retained messages that it received. */
function collectRetained(world: World): Map<string, Map<string, number>> {
  const auditors = world.hosts.map((host) => {
    const auditor = world.client({
      ...defaultClient,
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
  counters.set(
    'messages excused because their only disk was lost (P1)',
    world.history.excusedPublications.size,
  );
  return counters;
}
