import { createHistoryWriter, historyFormat } from '@mqtt-cluster/history-checker';
import type { Header, HistoryEvent, Limits } from '@mqtt-cluster/history-checker';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdsWithin } from '@mqtt-cluster/kit';
import { Recorder } from '../client/recorder.ts';
import type { EventCounts } from '../client/recorder.ts';
import { WorkloadError } from '../errors.ts';
import type { Shares } from '../workloads/index.ts';
import { HistoryOutput } from './history-output.ts';
import { HostLoadProbe } from './host-load-probe.ts';
import { LoadGenerator } from './load-generator.ts';
import type { LoadTarget } from './load-generator.ts';

const readyMsMax = 30_000;
/**
 * Time for which clients publish after the heal, ms, so that the history shows whether every server serves
 * again.
 */
const afterHealMs = 2_000;
/** Time without a delivery after which the run has settled, ms. */
const silenceMs = 2_000;
/**
 * Longest time until the last will after the plans stopped, ms. A will is published within 5 s of the
 * client's death, and the plans of clients with a will stopped more than a second earlier.
 */
const willsMs = 4_000;
const settleMsMax = 60_000;

/** The brokers of a run, and the bounds that the checker applies to them. */
export interface RunTarget extends LoadTarget {
  readonly name: string;
  readonly limits: Limits;
}

export interface RecordedRunOptions {
  readonly target: RunTarget;
  /** Name of the scenario, in the header of the history. */
  readonly scenario: string;
  readonly shares: Shares;
  /** Number of PUBLISH packets without DUP a second, of all workloads together. */
  readonly rate: number;
  readonly seed: number;
  /**
   * Unique name of this run, from letters, digits and hyphens. Its topics and client ids contain the name.
   */
  readonly run: string;
  /** Path of the history, which is compressed if the path ends with `.gz`. */
  readonly historyFile: string;
  /** Called before each QoS 1 or 2 PUBLISH; the message is not sent if it returns false. */
  readonly mayPublish?: (counts: EventCounts) => boolean;
  /** Called with every event that is recorded. */
  readonly onEvent?: (event: HistoryEvent) => void;
}

/**
 * A load against a target, recorded in a history. The caller calls `open` and `start`, injects its faults,
 * and then calls `heal`, `settle` and `finish`. It must always call `close`, and then `cleanUp` if the target
 * keeps running.
 */
export class RecordedRun {
  readonly recorder: Recorder;
  readonly #history: HistoryOutput;
  readonly #load: LoadGenerator;
  readonly #probe: HostLoadProbe;
  readonly #problems: string[] = [];

  private constructor(options: RecordedRunOptions, history: HistoryOutput) {
    const { target, shares, rate, seed, run, historyFile, mayPublish = () => true, onEvent } = options;
    this.#history = history;
    this.recorder = new Recorder((event) => {
      history.write(event);
      onEvent?.(event);
    });
    const { recorder } = this;
    this.#probe = new HostLoadProbe(recorder, `${historyFile}.probe`);
    this.#load = new LoadGenerator({
      target,
      shares,
      rate,
      seed,
      run,
      recorder,
      mayPublish: () => history.hasRoom && mayPublish(recorder.counts),
    });
  }

  /** Opens the history. @throws HistoryError when its file can't be written */
  static async open(options: RecordedRunOptions): Promise<RecordedRun> {
    const { target, seed, scenario, historyFile } = options;
    const remotes = target.remotes?.map(({ id }) => id) ?? [];
    const header: Header = {
      type: 'header',
      format: historyFormat,
      seed,
      scenario,
      target: target.name,
      servers: [...target.servers.map(({ id }) => id), ...remotes],
      ...(remotes.length > 0 && { remotes }),
      ...(target.remotesForget === true && { remotesForget: true }),
      startedAt: new Date().toISOString(),
      limits: target.limits,
    };
    return new RecordedRun(options, new HistoryOutput(await createHistoryWriter(historyFile, header)));
  }

  /** Whether the history could not be written; {@link close} throws the error. */
  get failed(): boolean {
    return this.#history.failed;
  }

  /** Records a problem that the clients can't observe as a violation. @param problem one sentence */
  report(problem: string): void {
    this.#problems.push(problem);
  }

  /**
   * Connects all clients and starts their plans. @throws WorkloadError with the id of a client that did not
   * connect in time
   */
  async start(): Promise<void> {
    this.#probe.start();
    this.#load.connect();
    await holdsWithin(() => this.#load.notReady().length === 0, { timeoutMs: readyMsMax });
    const [clientId] = this.#load.notReady();
    if (clientId !== undefined)
      throw new WorkloadError(`${clientId} could not connect and subscribe within ${readyMsMax / 1_000} s`);
    this.#load.startPlans();
  }

  /**
   * Records the phase `healed` and continues the load for 2 s. The caller calls `heal` when all faults have
   * ended and all servers run.
   */
  async heal(): Promise<void> {
    this.recorder.record({ type: 'phase', phase: 'healed' });
    this.#load.stopWillClients();
    await sleep(afterHealMs);
  }

  /**
   * Stops the plans and waits until no message is outstanding. The method reports clients that are not served
   * again in time.
   */
  async settle(): Promise<void> {
    const { recorder } = this;
    this.#load.stopPlans();
    recorder.record({ type: 'phase', phase: 'quiet' });
    const quietAtMs = recorder.now();
    const hasSettled = (): boolean => {
      const lastAtMs = Math.max(recorder.lastDeliveryAtMs, quietAtMs + willsMs - silenceMs);
      const isSilent = recorder.now() - lastAtMs >= silenceMs;
      return isSilent && this.#load.notReady().length === 0 && this.#load.unacknowledged().length === 0;
    };
    await holdsWithin(hasSettled, { timeoutMs: settleMsMax });
    const seconds = settleMsMax / 1_000;
    for (const id of this.#load.notReady())
      this.report(`${id} is not connected with all its subscriptions ${seconds} s after the heal (P7)`);
    for (const id of this.#load.unacknowledged())
      this.report(`${id} waits for the acknowledgement of a message ${seconds} s after the heal (P7)`);
    recorder.record({ type: 'phase', phase: 'settled' });
  }

  /**
   * Records the retained messages of all servers and the event `end`. @param crashes returns one sentence for
   * each crash
   */
  async finish(crashes: () => readonly string[]): Promise<void> {
    this.#problems.push(...(await this.#load.recordRetained()));
    await this.#probe.end();
    this.recorder.record({ type: 'end', crashes: [...crashes(), ...this.#problems] });
  }

  /** Ends all clients and closes the history. @throws HistoryError when the history could not be written */
  async close(): Promise<void> {
    this.recorder.close();
    this.#load.end();
    try {
      await this.#probe.end();
    } finally {
      await this.#history.close();
    }
  }

  /** Removes the run's retained messages and sessions from the target. */
  cleanUp(): Promise<void> {
    return this.#load.cleanUp();
  }
}
