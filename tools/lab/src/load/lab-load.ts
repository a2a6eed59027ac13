import { checkHistoryFile, defaultLimits } from '@mqtt-cluster/history-checker';
import type { RuleVerdict } from '@mqtt-cluster/history-checker';
import { describeError, holdsWithin } from '@mqtt-cluster/kit';
import { RecordedRun } from '@mqtt-cluster/workload';
import type { Shares } from '@mqtt-cluster/workload';
import type { Cluster } from '../cluster/cluster.ts';
import { readDroppedAtBound } from '../cluster/http.ts';
import type { FaultCommand } from '../fault-forms.ts';
import { FaultInjector } from './fault-injector.ts';
import { GapMeter } from './gap-meter.ts';
import { percentile } from './percentile.ts';
import { TrafficStats } from './traffic-stats.ts';
import type { ByQoS } from './traffic-stats.ts';

const retainedWritesPerSecond = 8;
const qosLevels = 3;
const gapMsP50Max = 300;
const gapMsP99Max = 1_000;
/** Longest time for which the load continues at the end of the run, so that open gaps can end. */
const openGapMsMax = 5_000;
/**
 * Default bound of an offline session's queue (`ClusterSettings`). When the queue is full, the oldest message is dropped
 * (P1).
 */
const queuedMessagesMax = 1_000;

export interface LabLoadOptions {
  readonly cluster: Cluster;
  readonly historyFile: string;
  /** Messages a second of the workload `steady`, for each QoS. */
  readonly rate: number;
  readonly seed: number;
  /** False: the load has no retained messages and no clients that move between members and subscribe. */
  readonly retained?: boolean;
  /** False: the verdict ignores the gaps after a kill, because the machine is busy with other work. */
  readonly gapsJudged?: boolean;
}

/** Quantiles in milliseconds by the nearest-rank method; null without measured values. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** The result of a load on a lab cluster. */
export interface LoadVerdict {
  /** Whether every promise was kept. */
  readonly ok: boolean;
  /** One sentence for each promise that was not kept. */
  readonly reasons: readonly string[];
  /** The result of each rule of the checker, see the package history-checker. */
  readonly rules: readonly RuleVerdict[];
  /** Number of PUBLISH packets with DUP=0. */
  readonly sent: ByQoS;
  /** Number of PUBACK and PUBREC packets that accept a message. */
  readonly acked: ByQoS;
  /** Number of deliveries to all subscribers together. */
  readonly delivered: ByQoS;
  /**
   * Number of deliveries that members dropped because the queue of a session was full, as the members report it. P1
   * allows them.
   */
  readonly droppedAtBound: number;
  /** Time from a kill to the next acknowledgement, for each QoS 1 and 2 publisher; Infinity without an acknowledgement. */
  readonly gapMs: Quantiles;
  /** The same times, only for publishers that were connected to a killed member. */
  readonly gapAtKilledMs: Quantiles;
  /** Time from a PUBLISH packet to the delivery of its message. */
  readonly latencyMs: Quantiles;
}

/** A recorded load on a lab cluster. The caller must call `open`, `start` and `finish` in this order, and always `close`. */
export class LabLoad {
  readonly stats: TrafficStats;
  readonly #options: LabLoadOptions;
  readonly #run: RecordedRun;
  readonly #gaps: GapMeter;
  readonly #injector: FaultInjector;
  readonly #gapsMs: number[] = [];
  readonly #gapsAtKilledMs: number[] = [];

  private constructor(options: LabLoadOptions, run: RecordedRun, stats: TrafficStats, gaps: GapMeter) {
    this.#options = options;
    this.#run = run;
    this.stats = stats;
    this.#gaps = gaps;
    const { cluster } = options;
    const members = cluster.layout.members.map(({ id }) => id);
    this.#injector = new FaultInjector(cluster, members, ({ id, fault, groups }, phase) =>
      run.recorder.record({ type: 'fault', id, phase, fault, members: groups.flat(), groups }),
    );
  }

  /** @throws HistoryError when the history's file can't be written */
  static async open(options: LabLoadOptions): Promise<LabLoad> {
    const { cluster, historyFile, rate, seed, retained = true } = options;
    const stats = new TrafficStats();
    const gaps = new GapMeter();
    const steadyRate = qosLevels * rate;
    const totalRate = steadyRate + (retained ? retainedWritesPerSecond : 0);
    const shares: Shares = {
      steady: steadyRate / totalRate,
      wills: 0,
      ...(retained ? { retained: retainedWritesPerSecond / totalRate } : {}),
    };
    const run = await RecordedRun.open({
      target: {
        name: 'lab',
        servers: cluster.servers,
        limits: { ...defaultLimits, degradedAcks: true, queuedMessagesMax },
        qosMax: 2,
        versions: [4, 5],
        sharesSubscriptions: true,
      },
      scenario: 'lab run',
      shares,
      rate: totalRate,
      seed,
      run: `${Math.floor(Date.now() / 1_000).toString(36)}${process.pid.toString(36)}`,
      historyFile,
      onEvent: (event) => {
        stats.add(event);
        gaps.add(event);
      },
    });
    return new LabLoad(options, run, stats, gaps);
  }

  /** Connects all clients and starts their plans. @throws WorkloadError when a client can't connect in time */
  start(): Promise<void> {
    return this.#run.start();
  }

  /**
   * Executes and records a fault. If the cluster can't execute the fault, the verdict reports the error; `inject` does
   * not throw.
   */
  async inject(fault: FaultCommand): Promise<void> {
    await this.#injector.inject(fault).catch((error: unknown) => this.#run.report(describeError(error)));
  }

  /** Starts to measure the gap of every publisher. @param killed ids of the members that the caller kills now */
  watchGaps(killed: readonly string[]): void {
    this.#gaps.watch(this.#run.recorder.now(), killed, (gapMs, atKilledMember) => {
      this.#gapsMs.push(gapMs);
      if (atKilledMember) this.#gapsAtKilledMs.push(gapMs);
    });
  }

  /** Waits until every measured gap has ended, but at most 5 s. */
  async gapsEnded(): Promise<void> {
    await holdsWithin(() => this.#gaps.openGaps === 0, { timeoutMs: openGapMsMax });
  }

  /** Restores the cluster, waits until no message is outstanding, and checks the history. */
  async finish(): Promise<LoadVerdict> {
    const { cluster, historyFile, gapsJudged = true } = this.#options;
    await cluster.restore().catch((error: unknown) => this.#run.report(describeError(error)));
    await this.#run.heal();
    await this.#run.settle();
    for (const { id, status } of await cluster.report()) {
      if (status === null) this.#run.report(`${id} does not answer at the end`);
      else if (status.digestsAgree === false)
        this.#run.report(`${id} reports that the members' states differ`);
    }
    await this.#run.finish(() => cluster.crashes);
    await this.#run.close();
    const { rules } = await checkHistoryFile(historyFile);
    const gapMs = quantiles([...this.#gapsMs, ...Array<number>(this.#gaps.openGaps).fill(Infinity)]);
    const reasons = [
      ...rules.flatMap(({ rule, violations, findings: [first] }) =>
        violations === 0 ? [] : [`${rule}, ${violations} times: ${first?.text ?? ''}`],
      ),
      ...(gapsJudged ? gapViolations(gapMs) : []),
    ];
    return {
      ok: reasons.length === 0,
      reasons,
      rules,
      sent: this.stats.sent,
      acked: this.stats.acked,
      delivered: this.stats.delivered,
      droppedAtBound: await droppedAtBound(cluster),
      gapMs,
      gapAtKilledMs: quantiles(this.#gapsAtKilledMs),
      latencyMs: quantiles(this.stats.latenciesMs),
    };
  }

  /** Ends all clients. Safe to call after {@link finish}. */
  async close(): Promise<void> {
    await this.#run.close();
  }
}

/** Returns one sentence for each bound of P8 that the gaps exceed. */
export function gapViolations({ p50, p99 }: Quantiles): string[] {
  if (p50 === null || p99 === null) return [];
  const violations: string[] = [];
  if (p50 > gapMsP50Max)
    violations.push(`half of the publishers waited ${p50} ms or more after a kill (P8: ${gapMsP50Max} ms)`);
  if (p99 > gapMsP99Max)
    violations.push(`a publisher waited ${p99} ms after a kill (P8: 99 % wait ${gapMsP99Max} ms at most)`);
  return violations;
}

/** Returns the number of deliveries that all members dropped at a full queue. A restarted member counts from 0 again. */
async function droppedAtBound({ layout }: Cluster): Promise<number> {
  const counts = await Promise.all(
    layout.members.map(({ host, httpPort }) => readDroppedAtBound(host, httpPort)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function quantiles(values: readonly number[]): Quantiles {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: percentile(values, 1) };
}
