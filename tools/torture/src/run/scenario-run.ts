import { seededRandom } from '@mqtt-cluster/kit';
import { RecordedRun } from '@mqtt-cluster/workload';
import type { EventCounts } from '@mqtt-cluster/workload';
import { describeError } from '@mqtt-cluster/kit';
import type { FaultPlan } from '../nemesis/fault.ts';
import { Nemesis } from '../nemesis/nemesis.ts';
import type { Scenario } from '../scenarios/scenarios.ts';
import type { Target } from '../targets/target.ts';

const progressMs = 10_000;
/**
 * Interval of the progress reports in runs longer than {@link longMs} and in runs with a number of messages,
 * ms.
 */
const progressOfLongMs = 60_000;
/** Duration from which a run has progress reports only every minute, ms. */
const longMs = 5 * 60_000;

export interface ScenarioOptions {
  readonly scenario: Scenario;
  readonly target: Target;
  readonly seed: number;
  /** PUBLISH packets a second, of all clients together. */
  readonly rate: number;
  /** Duration of the load, ms, if {@link messages} is null. */
  readonly forMs: number;
  /**
   * Number of acknowledged QoS 1 and 2 messages after which the load ends; null: the load ends after {@link
   * forMs}.
   */
  readonly messages: number | null;
  readonly historyFile: string;
  /** Unique name of this run. Its topics and client ids contain the name. */
  readonly run: string;
  readonly log: (text: string) => void;
  /**
   * Called with one line of progress every 10 s. In a run longer than {@link longMs}, and in a run with a
   * number of messages, it is called every minute.
   */
  readonly onProgress?: (text: string) => void;
}

/** The counts of a finished run. */
export interface ScenarioRun {
  readonly counts: EventCounts;
  readonly faults: number;
  readonly lastedMs: number;
}

/** Runs one scenario against a running target and writes its history. @throws WorkloadError, HistoryError */
export async function runScenario(options: ScenarioOptions): Promise<ScenarioRun> {
  const { scenario, target, seed, rate, run: name, messages, historyFile, log } = options;
  const run = await RecordedRun.open({
    target,
    scenario: scenario.name,
    shares: scenario.shares,
    rate,
    seed,
    run: name,
    historyFile,
    mayPublish: ({ acked }) => messages === null || acked < messages,
  });
  const random = seededRandom(seed, `faults of ${scenario.name}`);
  const nemesis = new Nemesis({
    plan: scenario.plan?.(target.supportedFaults)(random, target.servers.length) ?? noFaults(),
    target,
    recorder: run.recorder,
    log,
    onProblem: (problem) => {
      log(problem);
      run.report(problem);
    },
  });
  try {
    target.takeCrashes();
    await run.start();
    await injectFaults(options, run, nemesis);
    await restore(options, run);
    await run.heal();
    await run.settle();
    await run.finish(() => target.takeCrashes());
  } finally {
    await run.close();
  }
  await run.cleanUp();
  return { counts: run.recorder.counts, faults: nemesis.faults, lastedMs: run.recorder.now() };
}

async function injectFaults(
  { scenario, forMs, messages, onProgress }: ScenarioOptions,
  run: RecordedRun,
  nemesis: Nemesis,
): Promise<void> {
  const { recorder } = run;
  const { counts } = recorder;
  const startedAtMs = recorder.now();
  const isEnough = (): boolean =>
    messages === null ? recorder.now() - startedAtMs >= forMs : counts.acked >= messages;
  const isIncomplete = (): boolean =>
    (scenario.completesPlan === true && !nemesis.planEnded) || nemesis.slots < (scenario.slotsMin ?? 0);
  const reportProgress = (): void => {
    const seconds = Math.round((recorder.now() - startedAtMs) / 1_000);
    const { published, acked, delivered } = counts;
    onProgress?.(
      `${seconds} s: ${published} published, ${acked} acked, ${delivered} delivered, ${nemesis.faults} faults`,
    );
  };
  const everyMs = messages === null && forMs < longMs ? progressMs : progressOfLongMs;
  const timer = setInterval(reportProgress, everyMs);
  await nemesis.run(() => !run.failed && (isIncomplete() || !isEnough()));
  clearInterval(timer);
}

async function restore({ target, log }: ScenarioOptions, run: RecordedRun): Promise<void> {
  try {
    await target.restore();
  } catch (error) {
    log(describeError(error));
    run.report(describeError(error));
  }
}

function* noFaults(): FaultPlan {}
