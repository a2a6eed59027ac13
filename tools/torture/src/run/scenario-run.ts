import { BusynessProbe, Cast, randomOf, Recorder } from '@mqtt-cluster/workload';
import type { Counts } from '@mqtt-cluster/workload';
import { messageOf, TortureError } from '../errors.ts';
import { createHistoryWriter, historyFormat } from '@mqtt-cluster/history-checker';
import type { Header, HistoryEvent, HistoryWriter } from '@mqtt-cluster/history-checker';
import { Nemesis, waitWhile } from '../nemesis/nemesis.ts';
import type { Scenario } from '../scenarios/scenarios.ts';
import type { Target } from '../targets/target.ts';

const readyMsMax = 30_000;
/** Publishing goes on after the heal: whether everybody is served again is to be seen. */
const afterHealMs = 2_000;
/** Nothing has come for so long. */
const silenceMs = 2_000;
/** A will is due so long after the mortals' last deaths, and most of that has passed since the heal. */
const willsMs = 4_000;
const settleMsMax = 60_000;
const progressMs = 10_000;
/** In runs that last longer than {@link longMs}, or until so many messages. */
const progressOfLongMs = 60_000;
const longMs = 5 * 60_000;

export interface ScenarioOptions {
  readonly scenario: Scenario;
  readonly target: Target;
  readonly seed: number;
  readonly rate: number;
  readonly forMs: number;
  /** Null: as long as `forMs`; else until so many QoS 1 and 2 messages have been acknowledged. */
  readonly messages: number | null;
  readonly historyFile: string;
  /** In topics and client ids. */
  readonly run: string;
  readonly say: (text: string) => void;
  /** Called now and then while faults and load go on. */
  readonly onProgress?: (text: string) => void;
}

export interface ScenarioRun {
  readonly counts: Counts;
  readonly faults: number;
  readonly lastedMs: number;
}

/** Runs one scenario against a target that is up, and writes its history. @throws TortureError, HistoryError */
export async function runScenario(options: ScenarioOptions): Promise<ScenarioRun> {
  const { scenario, target, seed, historyFile } = options;
  const header: Header = {
    type: 'header',
    format: historyFormat,
    seed,
    scenario: scenario.name,
    target: target.name,
    servers: target.servers.map(({ id }) => id),
    startedAt: new Date().toISOString(),
    limits: target.limits,
  };
  const history = new Outlet(await createHistoryWriter(historyFile, header));
  const recorder = new Recorder((event) => history.write(event));
  const act = new Act(options, recorder, history);
  try {
    await act.perform();
  } finally {
    recorder.close();
    await act.end();
    await history.close();
  }
  await act.forget();
  return { counts: recorder.counts, faults: act.faults, lastedMs: recorder.now() };
}

/** The history's file, as clients see it: it has room, or they publish nothing for a while. */
class Outlet {
  readonly #writer: HistoryWriter;
  #hasRoom = true;
  #failure: unknown = null;

  constructor(writer: HistoryWriter) {
    this.#writer = writer;
  }

  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  write(event: HistoryEvent): void {
    if (this.failed) return;
    try {
      if (this.#writer.write(event) || !this.#hasRoom) return;
    } catch (error) {
      this.#failure = error;
      return;
    }
    this.#hasRoom = false;
    this.#writer.ready().then(
      () => (this.#hasRoom = true),
      (error: unknown) => (this.#failure = error),
    );
  }

  /** @throws HistoryError when something could not be written */
  async close(): Promise<void> {
    await this.#writer.close();
    if (this.failed) throw this.#failure;
  }
}

/** One performance: load and faults, heal, quiet, settle, look. */
class Act {
  readonly #options: ScenarioOptions;
  readonly #recorder: Recorder;
  readonly #history: Outlet;
  readonly #cast: Cast;
  readonly #nemesis: Nemesis;
  readonly #probe: BusynessProbe;
  readonly #problems: string[] = [];

  constructor(options: ScenarioOptions, recorder: Recorder, history: Outlet) {
    const { scenario, target, seed, rate, run, messages, say } = options;
    this.#options = options;
    this.#recorder = recorder;
    this.#history = history;
    const mayPublish = (): boolean =>
      history.hasRoom && (messages === null || recorder.counts.acked < messages);
    this.#probe = new BusynessProbe(recorder, `${options.historyFile}.probe`);
    this.#cast = new Cast({ target, shares: scenario.shares, rate, seed, run, recorder, mayPublish });
    const random = randomOf(seed, `faults of ${scenario.name}`);
    const plan = scenario.plan?.(target.can)(random, target.servers.length) ?? noFaults();
    const onProblem = (sentence: string): void => {
      say(sentence);
      this.#problems.push(sentence);
    };
    this.#nemesis = new Nemesis({ plan, target, recorder, say, onProblem });
  }

  get faults(): number {
    return this.#nemesis.faults;
  }

  async perform(): Promise<void> {
    const { target } = this.#options;
    target.takeCrashes();
    this.#probe.start();
    this.#cast.start();
    await waitWhile(() => this.#cast.missing().length > 0, readyMsMax);
    const [missing] = this.#cast.missing();
    if (missing !== undefined) throw new TortureError(`${missing} could not connect and subscribe in time`);
    this.#cast.perform();
    await this.#disturb();
    await this.#heal();
    await this.#settle();
    this.#problems.push(...(await this.#cast.look()));
    await this.#probe.end();
    this.#recorder.record({ type: 'end', crashes: [...target.takeCrashes(), ...this.#problems] });
  }

  async #disturb(): Promise<void> {
    const { scenario, forMs, messages, onProgress } = this.#options;
    const startedAtMs = this.#recorder.now();
    const { counts } = this.#recorder;
    const enough = (): boolean =>
      messages === null ? this.#recorder.now() - startedAtMs >= forMs : counts.acked >= messages;
    const incomplete = (): boolean => scenario.completesPlan === true && !this.#nemesis.planEnded;
    const goesOn = (): boolean => !this.#history.failed && (incomplete() || !enough());
    const tell = (): void => {
      const seconds = Math.round((this.#recorder.now() - startedAtMs) / 1_000);
      const { published, acked, delivered } = counts;
      onProgress?.(
        `${seconds} s: ${published} published, ${acked} acked, ${delivered} delivered, ${this.faults} faults`,
      );
    };
    const timer = setInterval(tell, messages === null && forMs < longMs ? progressMs : progressOfLongMs);
    await this.#nemesis.run(goesOn);
    clearInterval(timer);
  }

  async #heal(): Promise<void> {
    const { target, say } = this.#options;
    try {
      await target.restore();
    } catch (error) {
      say(messageOf(error));
      this.#problems.push(messageOf(error));
    }
    this.#recorder.record({ type: 'phase', phase: 'healed' });
    this.#cast.quietMortals();
    await waitWhile(() => true, afterHealMs);
  }

  async #settle(): Promise<void> {
    this.#cast.quiet();
    this.#recorder.record({ type: 'phase', phase: 'quiet' });
    const quietAtMs = this.#recorder.now();
    const restless = (): boolean => {
      const nowMs = this.#recorder.now();
      const lastAtMs = Math.max(this.#recorder.lastDeliveryAtMs, quietAtMs + willsMs - silenceMs);
      return (
        nowMs - lastAtMs < silenceMs || this.#cast.missing().length > 0 || this.#cast.waiting().length > 0
      );
    };
    await waitWhile(restless, settleMsMax);
    this.#noteAll(this.#cast.missing(), 'is not connected, with its subscriptions, long after the heal');
    this.#noteAll(this.#cast.waiting(), 'waits for the answer to a message, long after the heal');
    this.#recorder.record({ type: 'phase', phase: 'settled' });
  }

  #noteAll(clientIds: readonly string[], what: string): void {
    this.#problems.push(...clientIds.map((id) => `${id} ${what} (P7)`));
  }

  async end(): Promise<void> {
    this.#cast.end();
    await this.#probe.end();
  }

  async forget(): Promise<void> {
    await this.#cast.forget();
  }
}

function* noFaults(): Generator<never, void, void> {}
