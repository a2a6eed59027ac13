import { pick, shuffled } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import type { Cluster, MemberPlace } from '@mqtt-cluster/lab';
import type { ClientProcess } from './client-process.ts';
import { Observation } from './gaps.ts';
import { nowMs } from './protocol.ts';
import type { Answer, Command, Events, Place } from './protocol.ts';

export type FaultKind = 'kill' | 'silent';

/** Shortest time of traffic before the fault. A random time is added, so that faults are not in phase with timers. */
const steadyMsMin = 600;
const steadyMsSpread = 300;
const lookEveryMs = 100;
/** Shortest observation after the fault. A client detects a silent server later than a killed server. */
const observeMsMin: Readonly<Record<FaultKind, number>> = { kill: 1_000, silent: 3_000 };
export const observeMsMax: Readonly<Record<FaultKind, number>> = { kill: 10_000, silent: 20_000 };
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
}

export interface RoundOptions {
  readonly cluster: Cluster;
  readonly clients: readonly ClientProcess[];
  /** Messages a second of each publisher. */
  readonly rate: number;
  /** Name of this run, which is part of all client ids. */
  readonly run: string;
  readonly random: Random;
}

/** Connects all clients to one member, makes this member fail, and observes until all clients are served again. */
export async function measureRound(
  { cluster, clients, rate, run, random }: RoundOptions,
  round: number,
  fault: FaultKind,
): Promise<RoundResult> {
  const leader = await leaderOf(cluster);
  const victim = chooseVictim(cluster.layout.members, leader, random);
  const others = shuffled(
    random,
    cluster.layout.members.filter((member) => member !== victim),
  );
  const servers: Place[] = [victim, ...others].map(({ id, host, mqttPort }) => ({
    id,
    host,
    port: mqttPort,
  }));
  const label = `${run}-${round}`;
  try {
    await askAll(clients, { type: 'open', label, servers, rate });
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
    return { round, fault, victim: victim.id, victimLed, gapsMs, calmMs: observation.calm(faultAtMs) };
  } finally {
    await askAll(clients, { type: 'close' });
    // The paused member is killed, as by a power cycle of a silent host. `restore` starts it again.
    if (fault === 'silent') await cluster.fault('kill', [[victim.id]]);
    await cluster.restore();
  }
}

async function observe(
  clients: readonly ClientProcess[],
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

async function look(clients: readonly ClientProcess[]): Promise<Events> {
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
async function askAll(clients: readonly ClientProcess[], command: Command): Promise<Answer[]> {
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
