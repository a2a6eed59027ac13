import { setTimeout as delay } from 'node:timers/promises';
import { holdsWithin } from '@mqtt-cluster/kit';
import { addClusterUser, MemberWatch } from '@mqtt-cluster/lab';
import type { Cluster, MemberPlace } from '@mqtt-cluster/lab';
import { Witness } from '@mqtt-cluster/workload';
import type { Processes } from '../processes.ts';
import { clusterName, memoryCeilingBytes, startAttackedCluster } from './attacked-cluster.ts';
import type { ClusterFiles } from './attacked-cluster.ts';
import { AttackerProcesses } from './attacker/attacker-process.ts';
import { password, users } from './attacker/credentials.ts';
import type { Attack } from './attacks/attack.ts';
import { newcomerGetsIn, pagesAnswer, RegularChecks } from './measure/regular-checks.ts';
import { countLostOfVictim, leaveVictim } from './measure/victim.ts';
import { faultsOf } from './verdict.ts';
import type { AttackResult } from './verdict.ts';

/** Time for the first messages of the witness, whose latency includes the compilation of the code. */
const warmUpMs = 3_000;
const sampleIntervalMs = 250;
/** Time between the end of the attack and the last measurement of memory and term. */
const settleMs = 5_000;
const startMsMax = 120_000;
const prepareMsMax = 240_000;
const endMsMax = 120_000;
const pollMs = 100;

export interface MeasureOptions {
  readonly files: ClusterFiles;
  readonly members: number;
  /** Time before the attack, and of the attack. */
  readonly forMs: number;
  readonly socketsMax: number;
  /** More settings of every member, as pairs of key and value. */
  readonly settings: readonly (readonly [string, string])[];
  readonly controlP99Ms: number | undefined;
}

interface Roles {
  readonly attacked: MemberPlace;
  readonly other: MemberPlace;
  readonly spare: MemberPlace;
}

/** Measures one attack on a cluster of its own. */
export async function measureAttack(
  processes: Processes,
  attack: Attack,
  { files, members, forMs, socketsMax, settings, controlP99Ms }: MeasureOptions,
): Promise<AttackResult> {
  const { cluster, end, tlsPort } = await startAttackedCluster(files, attack.name, members, settings);
  let attackers: AttackerProcesses | null = null;
  const witness = new Witness({ username: users.witness, password });
  const watch = new MemberWatch(cluster);
  let sampling: NodeJS.Timeout | undefined;
  let keep = true;
  try {
    const { attacked, other, spare } = await chooseRoles(cluster);
    // The hash of this user is costlier than those of the password file.
    await addClusterUser(attacked, { name: users.operator, password });
    await leaveVictim(other);
    await witness.start([attacked, other].map(({ host, mqttPort }) => ({ host, port: mqttPort })));
    const parts = attack.parts ?? 1;
    const { host, mqttPort, httpPort, clusterPort } = attacked;
    const beginAttack = (): AttackerProcesses =>
      new AttackerProcesses(processes, {
        attack: attack.name,
        ...{
          host,
          mqttPort,
          httpPort,
          clusterPort,
          tlsPort,
          cluster: clusterName,
          part: 0,
          parts,
          socketsMax,
        },
        spare: { host: spare.host, mqttPort: spare.mqttPort },
        other: { host: other.host, mqttPort: other.mqttPort },
      });
    if (attack.connectsFirst) {
      const prepared = (attackers = beginAttack());
      const isReady = await holdsWithin(() => prepared.haveReached('prepared') || prepared.hasFailed, {
        timeoutMs: prepareMsMax,
      });
      if (!isReady || prepared.hasFailed) throw new Error('the clients of the attack did not connect');
    }
    await delay(warmUpMs);
    watch.markWarm();
    sampling = setInterval(() => watch.sample(), sampleIntervalMs);
    const termBefore = await highestTerm(cluster);
    const fromMs = performance.now();
    await delay(forMs);
    const calmUntilMs = performance.now();

    const running = (attackers ??= beginAttack());
    // The time in which the processes of the attacker load their code is no attack.
    const hasStarted = await holdsWithin(() => running.haveStarted || running.hasFailed, {
      timeoutMs: startMsMax,
      intervalMs: pollMs,
    });
    if (!hasStarted || running.hasFailed) throw new Error('the processes of the attacker did not start');
    const beginMs = performance.now();
    const newcomers = new RegularChecks((number) => newcomerGetsIn(host, mqttPort, number));
    const pages = new RegularChecks(() => pagesAnswer(host, httpPort));
    newcomers.start();
    pages.start();
    const incident = beginIncident(cluster, attack, spare);
    const [backMs, doneMs] = await Promise.all([
      incident,
      attack.hasEnd ? timeUntilDone(running) : undefined,
      delay(forMs),
    ]);
    const untilMs = performance.now();
    const counts = { newcomers: await newcomers.stop(), pages: await pages.stop() };
    const { gain, hasFailed } = running;
    await running.stop();
    await delay(settleMs);
    const memory = watch.memory().filter(({ id }) => attack.incident === undefined || id !== spare.id);
    const seen = await witness.stop();
    const figures = (includes: (publisher: number, subscriber: number) => boolean) => ({
      before: witness.latency({ fromMs, untilMs: calmUntilMs, includes }),
      during: witness.latency({ fromMs: beginMs, untilMs, includes }),
    });
    const result: AttackResult = {
      ...{ name: attack.name, title: attack.title, attacked: attacked.id, other: other.id },
      ...(attack.isControl === true ? { isControl: true } : {}),
      ...(controlP99Ms === undefined ? {} : { controlP99Ms }),
      onAttacked: figures((publisher, subscriber) => publisher === 0 || subscriber === 0),
      onOther: figures((publisher, subscriber) => publisher === 1 && subscriber === 1),
      term: { before: termBefore, after: await highestTerm(cluster) },
      lost: seen.missing + (await countLostOfVictim(other)),
      acknowledged: seen.acknowledged,
      disconnects: seen.disconnects,
      ...counts,
      memory,
      ceilingBytes: memoryCeilingBytes,
      gain,
      incident: attack.incident === undefined ? null : { kind: attack.incident, member: spare.id, backMs },
      ...(doneMs === undefined ? {} : { doneMs }),
      ended: [
        ...watch.ended().filter((text) => attack.incident === undefined || !text.startsWith(`${spare.id}:`)),
        ...(hasFailed ? ['a process of the attacker ended'] : []),
      ],
    };
    keep = faultsOf(result).length > 0;
    return result;
  } finally {
    clearInterval(sampling);
    witness.end();
    await attackers?.stop();
    await end(keep);
  }
}

/**
 * Chooses the leader as the attacked member, because its delay affects all members. The spare member is not the leader, so
 * its restart needs no election.
 */
async function chooseRoles(cluster: Cluster): Promise<Roles> {
  const reports = await cluster.report();
  const leader = reports.find(({ status }) => status?.role === 'leader')?.id;
  const places = cluster.layout.members;
  const attacked = places.find(({ id }) => id === leader);
  const [other, spare] = places.filter(({ id }) => id !== leader);
  if (attacked === undefined || other === undefined || spare === undefined)
    throw new Error('the cluster has no leader or too few members');
  return { attacked, other, spare };
}

async function highestTerm(cluster: Cluster): Promise<number> {
  const reports = await cluster.report();
  return Math.max(...reports.map(({ status }) => status?.term ?? 0));
}

/** Restarts or kills the spare member. Returns the time until it serves again, or null. */
async function beginIncident(
  cluster: Cluster,
  { incident }: Attack,
  spare: MemberPlace,
): Promise<number | null> {
  if (incident === undefined) return null;
  const startedMs = performance.now();
  if (incident === 'kill') {
    await cluster.fault('kill', [[spare.id]]);
    return null;
  }
  return cluster.fault('rolling', [[spare.id]]).then(
    () => performance.now() - startedMs,
    () => null,
  );
}

async function timeUntilDone(attackers: AttackerProcesses): Promise<number | null> {
  const startedMs = performance.now();
  const isDone = await holdsWithin(() => attackers.haveReached('done'), {
    timeoutMs: endMsMax,
    intervalMs: pollMs,
  });
  return isDone ? performance.now() - startedMs : null;
}
