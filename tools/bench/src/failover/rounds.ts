import { pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import type { Cluster, MemberPlace } from '@mqtt-cluster/lab';
import type { ClientHost } from './client-host.ts';
import { Observation } from './gaps.ts';
import { lossesOf } from './losses.ts';
import type { Losses } from './losses.ts';
import { nowMs } from './protocol.ts';
import type { Answer, Command, Events, Place, Tally } from './protocol.ts';
import type { StartProxy } from './proxy.ts';

export type FaultKind = 'kill' | 'silent';

/** Shortest time of traffic before the fault. A random time is added, so that faults are not in phase with timers. */
const steadyMsMin = 600;
const steadyMsSpread = 300;
const lookEveryMs = 100;
/** Shortest observation after the fault. A client detects a silent server later than a killed server. */
const observeMsMin: Readonly<Record<FaultKind, number>> = { kill: 1_000, silent: 3_000 };
export const observeMsMax: Readonly<Record<FaultKind, number>> = { kill: 30_000, silent: 40_000 };
/** After the last publish, the bench waits until no message has arrived for this time, and at most for the longer one. */
const settledMs = 2_000;
const settleMsMax = 30_000;
/** Share of the rounds in which the leader fails. It is large, because the failure of the leader is the worst case. */
const leaderShare = 0.5;

export interface RoundResult {
  readonly round: number;
  readonly fault: FaultKind;
  /** Id of the member that failed. */
  readonly victim: string;
  /** Whether the failed member was the leader. */
  readonly victimLed: boolean;
  /** Gap of each series, ms; null when the client was not served again at the end of the observation. */
  readonly gapsMs: Readonly<Record<string, number | null>>;
  /** The longest pause of each series before the fault, ms. It shows the delays that other load on this machine causes. */
  readonly calmMs: Readonly<Record<string, number>>;
  /** Lost and repeated messages, by client. */
  readonly losses: Readonly<Record<string, Losses>>;
}

export interface RoundOptions {
  readonly cluster: Cluster;
  readonly clients: readonly ClientHost[];
  /** Starts the proxy for clients with one address; null without one. */
  readonly startProxy: StartProxy | null;
  /** Messages a second of each publisher. */
  readonly rate: number;
  /** Name of this run, which is part of all client ids. */
  readonly run: string;
  readonly random: Random;
}

/** Connects all clients to one member, makes this member fail, and observes until all clients are served again. */
export async function measureRound(
  { cluster, clients, startProxy, rate, run, random }: RoundOptions,
  round: number,
  fault: FaultKind,
): Promise<RoundResult> {
  const leader = await leaderOf(cluster);
  const victim = chooseVictim(cluster.layout.members, leader, random);
  const others = shuffled(
    random,
    cluster.layout.members.filter((member) => member !== victim),
  );
  const members = [victim, ...others];
  const servers: Place[] = members.map(({ id, host, mqttPort }) => ({ id, host, port: mqttPort }));
  const label = `${run}-${round}`;
  const proxy = startProxy === null ? null : await startProxy(members);
  try {
    await askAll(clients, { type: 'open', label, servers, address: proxy?.address ?? null, rate });
    await pass(steadyMsMin + random() * steadyMsSpread);
    const observation = new Observation();
    observation.add(await look(clients));
    // The leader may have changed while the clients connected.
    const victimLed = (await leaderOf(cluster)) === victim.id;
    const faultAtMs = nowMs();
    await cluster.fault(fault === 'kill' ? 'kill' : 'pause', [[victim.id]]);
    await observe(clients, observation, faultAtMs, fault);
    const gaps = Object.entries(observation.gaps(faultAtMs));
    const gapsMs = Object.fromEntries(gaps.map(([series, gap]) => [series, gap === Infinity ? null : gap]));
    await askAll(clients, { type: 'rest' });
    const losses = lossesOf(await settledTally(clients));
    const calmMs = observation.calm(faultAtMs);
    return { round, fault, victim: victim.id, victimLed, gapsMs, calmMs, losses };
  } finally {
    await askAll(clients, { type: 'close' });
    await proxy?.stop();
    // The paused member is killed, as by a power cycle of a silent host. `restore` starts it again.
    if (fault === 'silent') await cluster.fault('kill', [[victim.id]]);
    await cluster.restore();
  }
}

async function observe(
  clients: readonly ClientHost[],
  observation: Observation,
  faultAtMs: number,
  fault: FaultKind,
): Promise<void> {
  for (;;) {
    await pass(lookEveryMs);
    observation.add(await look(clients));
    const sinceMs = nowMs() - faultAtMs;
    if (sinceMs > observeMsMax[fault]) return;
    if (sinceMs > observeMsMin[fault] && observation.allServed(nowMs())) return;
  }
}

/** Waits until no more messages arrive. */
async function settledTally(clients: readonly ClientHost[]): Promise<Tally> {
  const startedMs = nowMs();
  let tally = await tallyOf(clients);
  for (let quietSinceMs = startedMs; ;) {
    await pass(lookEveryMs);
    const next = await tallyOf(clients);
    if (countOf(next) !== countOf(tally)) quietSinceMs = nowMs();
    tally = next;
    const timeMs = nowMs();
    if (timeMs - quietSinceMs > settledMs || timeMs - startedMs > settleMsMax) return tally;
  }
}

function countOf({ received }: Tally): number {
  return Object.values(received).reduce((sum, { length }) => sum + length, 0);
}

async function tallyOf(clients: readonly ClientHost[]): Promise<Tally> {
  const answers = await askAll(clients, { type: 'tally' });
  const tallies = answers.filter((answer) => answer.type === 'tally');
  return {
    sent: Object.assign({}, ...tallies.map(({ sent }) => sent)) as Tally['sent'],
    received: Object.assign({}, ...tallies.map(({ received }) => received)) as Tally['received'],
  };
}

async function look(clients: readonly ClientHost[]): Promise<Events> {
  const answers = await askAll(clients, { type: 'look' });
  return Object.assign(
    {},
    ...answers.map((answer) => (answer.type === 'events' ? answer.events : {})),
  ) as Events;
}

/**
 * Sends a command to all processes and waits for all answers, so that no late answer is assigned to the next command.
 * @throws Error the first error of a process
 */
async function askAll(clients: readonly ClientHost[], command: Command): Promise<Answer[]> {
  const settled = await Promise.allSettled(clients.map((client) => client.ask(command)));
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason as Error;
    return result.value;
  });
}

async function leaderOf(cluster: Cluster): Promise<string | null> {
  const members = await cluster.report();
  return members.find(({ status }) => status?.role === 'leader')?.id ?? null;
}

function chooseVictim(members: readonly MemberPlace[], leader: string | null, random: Random): MemberPlace {
  const leading = members.find(({ id }) => id === leader);
  if (leading !== undefined && random() < leaderShare) return leading;
  return pick(
    random,
    members.filter((member) => member !== leading),
  );
}

function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
