import type { Cluster, MemberPlace } from '@mqtt-cluster/lab';
import type { ClientProcess } from './client-process.ts';
import { Observation } from './gaps.ts';
import { nowMs } from './protocol.ts';
import type { Answer, Command, Events, Place } from './protocol.ts';

export const faultKinds = ['kill', 'silent'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Traffic before the fault: connections are warm, and the fault meets no common phase of anything. */
const steadyMsMin = 600;
const steadyMsSpread = 300;
const lookEveryMs = 100;
/** Observed for at least this long: a silent server is not noticed before. */
const observeMsMin: Readonly<Record<FaultKind, number>> = { kill: 1_000, silent: 3_000 };
export const observeMsMax: Readonly<Record<FaultKind, number>> = { kill: 10_000, silent: 20_000 };
/** As often the leader dies: the worst case must not be rare in the sample. */
const leaderShare = 0.5;

export interface RoundResult {
  readonly round: number;
  readonly fault: FaultKind;
  readonly victim: string;
  readonly victimLed: boolean;
  /** ms by series; null: not back when the observation ended. */
  readonly gapsMs: Readonly<Record<string, number | null>>;
  /** The longest silence of each in the steady traffic before the fault, ms: what this machine does by itself. */
  readonly calmMs: Readonly<Record<string, number>>;
}

export interface RoundOptions {
  readonly cluster: Cluster;
  readonly clients: readonly ClientProcess[];
  readonly rate: number;
  /** Of this run, for client ids. */
  readonly run: string;
  readonly random: () => number;
}

/** Connects all clients to one member, lets it fail, and measures until they are served again. */
export async function measureRound(
  { cluster, clients, rate, run, random }: RoundOptions,
  round: number,
  fault: FaultKind,
): Promise<RoundResult> {
  const leader = await leaderOf(cluster);
  const victim = chooseVictim(cluster.layout.members, leader, random);
  const others = shuffled(
    cluster.layout.members.filter((member) => member !== victim),
    random,
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
    // Asked again: it may have changed while the clients connected.
    const victimLed = (await leaderOf(cluster)) === victim.id;
    const faultAtMs = nowMs();
    await cluster.fault(fault === 'kill' ? 'kill' : 'pause', [[victim.id]]);
    await observe(clients, observation, faultAtMs, fault);
    const gaps = Object.entries(observation.gaps(faultAtMs));
    const gapsMs = Object.fromEntries(gaps.map(([series, gap]) => [series, gap === Infinity ? null : gap]));
    return { round, fault, victim: victim.id, victimLed, gapsMs, calmMs: observation.calm(faultAtMs) };
  } finally {
    await askAll(clients, { type: 'close' });
    // A host that was silent comes back as one that has been switched off and on.
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

/** Waits for every answer, so that none comes later for another question. @throws Error the first that went wrong */
async function askAll(clients: readonly ClientProcess[], command: Command): Promise<Answer[]> {
  const settled = await Promise.allSettled(clients.map((client) => client.ask(command)));
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason as Error;
    return one.value;
  });
}

async function leaderOf(cluster: Cluster): Promise<string | null> {
  const members = await cluster.report();
  return members.find(({ status }) => status?.role === 'leader')?.id ?? null;
}

function chooseVictim(
  members: readonly MemberPlace[],
  leader: string | null,
  random: () => number,
): MemberPlace {
  const led = members.find(({ id }) => id === leader);
  if (led !== undefined && random() < leaderShare) return led;
  const others = members.filter((member) => member !== led);
  return others[Math.floor(random() * others.length)]!;
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((left, right) => left.place - right.place)
    .map(({ item }) => item);
}

function pass(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
