import { createHistoryWriter, historyFormat } from '@mqtt-cluster/history-checker';
import type { Header, HistoryEvent, Limits } from '@mqtt-cluster/history-checker';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdsWithin } from '@mqtt-cluster/kit';
import { Recorder } from '../client/recorder.ts';
import type { Counts } from '../client/recorder.ts';
import { WorkloadError } from '../errors.ts';
import type { Shares } from '../workloads/index.ts';
import { HistoryOutput } from './history-output.ts';
import { HostLoadProbe } from './host-load-probe.ts';
import { LoadGenerator } from './load-generator.ts';
import type { LoadTarget } from './load-generator.ts';

const readyMsMax = 30_000;
/** Clients publish this long after the heal, so that the history shows whether every server serves again. */
const afterHealMs = 2_000;
/** The run has settled when nothing has been delivered for this long. */
const silenceMs = 2_000;
/** Wills come within 5 s of a client's death, and more than one second of that has passed since the heal. */
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
  /** PUBLISH packets a second without DUP, of all workloads together. */
  readonly rate: number;
  readonly seed: number;
  /** Unique name of this run, in its topics and client ids: letters, digits and hyphens. */
  readonly run: string;
  /** Path of the history; with `.gz` at its end it is compressed. */
  readonly historyFile: string;
  /** False: QoS 1 and 2 messages are no longer published. */
  readonly mayPublish?: (counts: Counts) => boolean;
  /** Called with every event that is recorded. */
  readonly onEvent?: (event: HistoryEvent) => void;
}

/**
 * A load against a target, recorded in a history. In order: `open`, `start`, the caller's faults, `heal`, `settle`, `finish`,
 * and in any case `close`; `cleanUp` after that, if the target goes on running.
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
    const header: Header = {
      type: 'header',
      format: historyFormat,
      seed,
      scenario,
      target: target.name,
      servers: target.servers.map(({ id }) => id),
      startedAt: new Date().toISOString(),
      limits: target.limits,
    };
    return new RecordedRun(options, new HistoryOutput(await createHistoryWriter(historyFile, header)));
  }

  /** The history could not be written; {@link close} throws the error. */
  get failed(): boolean {
    return this.#history.failed;
  }

  /** Records one sentence about something that the clients can't see, as a violation. */
  report(problem: string): void {
    this.#problems.push(problem);
  }

  /** Connects all clients and starts their plans. @throws WorkloadError naming a client that could not connect in time */
  async start(): Promise<void> {
    this.#probe.start();
    this.#load.connect();
    await holdsWithin(() => this.#load.notReady().length === 0, { timeoutMs: readyMsMax });
    const [clientId] = this.#load.notReady();
    if (clientId !== undefined)
      throw new WorkloadError(`${clientId} could not connect and subscribe in time`);
    this.#load.startPlans();
  }

  /** To be called when all faults have ended and all servers run: the load goes on for a while without faults. */
  async heal(): Promise<void> {
    this.recorder.record({ type: 'phase', phase: 'healed' });
    this.#load.stopWillClients();
    await sleep(afterHealMs);
  }

  /** Stops the plans and waits until no message is outstanding; reports clients that are not served again in time. */
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

  /** Records the retained messages of all servers, and the end. @param crashes members that ended by themselves */
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
