import type { ServerAddress } from '@mqtt-cluster/kit';
import type { Recorder } from '../client/recorder.ts';
import { RecordingClient } from '../client/recording-client.ts';
import { between, seededRandom } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import type { ClientSpec, ClientStep } from '../workloads/client-spec.ts';

/** Largest number of overdue steps that a late timer executes at once. */
const stepsAtOnceMax = 100;
/**
 * Longest delay of a plan for which the driver executes the missed steps, ms. A plan with a longer delay
 * continues from the current time.
 */
const behindMsMax = 1_000;
const retryDelayMsMin = 50;
const retryDelayMsMax = 250;

export interface ClientDriverOptions {
  readonly spec: ClientSpec;
  /** Prefix of each client id, so that two runs don't share client ids. */
  readonly clientPrefix: string;
  readonly servers: readonly ServerAddress[];
  readonly seed: number;
  readonly recorder: Recorder;
  /** Called before each QoS 1 or 2 PUBLISH; the message is not sent if it returns false. */
  readonly mayPublish: () => boolean;
}

/** Executes the plan of one client, and reconnects the client when it loses its connection. */
export class ClientDriver {
  readonly spec: ClientSpec;
  readonly client: RecordingClient;
  readonly #options: ClientDriverOptions;
  readonly #steps: Generator<ClientStep, void, void>;
  /**
   * Random generator that selects the server after a lost connection. The plan uses another generator, so
   * that the plan does not depend on the network.
   */
  readonly #roamRandom: Random;
  #server: number;
  #failures = 0;
  #dueAtMs = 0;
  /** Time before which a `move` of the plan does not reconnect the client (`onLoss` of the kind `pause`). */
  #lostUntilMs = 0;
  #stepTimer: NodeJS.Timeout | null = null;
  #connectTimer: NodeJS.Timeout | null = null;
  #planStopped = false;
  #ended = false;

  constructor(options: ClientDriverOptions) {
    const { spec, seed, recorder, clientPrefix, servers } = options;
    this.#options = options;
    this.spec = spec;
    this.#server = spec.firstServer % servers.length;
    this.#steps = spec.plan(seededRandom(seed, `plan of ${spec.name}`));
    this.#roamRandom = seededRandom(seed, `ways of ${spec.name}`);
    this.client = new RecordingClient({
      clientId: `${clientPrefix}${spec.clientId ?? spec.name}`,
      version: spec.version,
      clean: spec.clean,
      expirySeconds: spec.expirySeconds,
      will: spec.will ?? null,
      receiveMaximum: spec.receiveMaximum ?? null,
      ackDelayMs: spec.ackDelayMs ?? 0,
      recorder,
      onConnected: () => {
        this.#failures = 0;
      },
      onClosed: () => this.#lost(),
    });
    for (const { filter, qos } of spec.subscriptions) this.client.subscribe(filter, qos);
  }

  /** Connects to the current server; at the beginning that is the client's first server. */
  connect(): void {
    if (this.#ended) return;
    const server = this.#options.servers[this.#server];
    if (server !== undefined) this.client.connect(server);
  }

  startPlan(): void {
    this.#dueAtMs = performance.now();
    this.#runDueSteps();
  }

  /** Stops the plan. A client that is expected at the end stays connected, or reconnects. */
  stopPlan(): void {
    this.#planStopped = true;
    if (this.#stepTimer !== null) clearTimeout(this.#stepTimer);
    if (this.spec.expectedAtEnd && !this.client.hasConnection) this.#connectIn(0);
    if (!this.spec.expectedAtEnd && this.#connectTimer !== null) clearTimeout(this.#connectTimer);
  }

  end(): void {
    this.#ended = true;
    for (const timer of [this.#stepTimer, this.#connectTimer]) if (timer !== null) clearTimeout(timer);
    this.client.disconnect();
  }

  #connectIn(ms: number): void {
    if (this.#connectTimer !== null) clearTimeout(this.#connectTimer);
    this.#connectTimer = setTimeout(() => this.connect(), ms);
  }

  #lost(): void {
    if (this.#ended) return;
    const { onLoss, expectedAtEnd } = this.spec;
    const { servers } = this.#options;
    this.#failures += 1;
    if (this.#planStopped ? !expectedAtEnd : onLoss.kind === 'wait for plan') return;
    this.#server =
      (this.#server + between(this.#roamRandom, 1, Math.max(servers.length - 1, 1))) % servers.length;
    if (!this.#planStopped && onLoss.kind === 'pause' && this.#failures === 1) {
      const ms = between(this.#roamRandom, onLoss.lowMs, onLoss.highMs);
      this.#lostUntilMs = performance.now() + ms;
      return this.#connectIn(ms);
    }
    const waitMs = between(this.#roamRandom, retryDelayMsMin, retryDelayMsMax);
    this.#connectIn(this.#failures > 2 ? waitMs : 0);
  }

  #runDueSteps(): void {
    this.#stepTimer = null;
    const nowMs = performance.now();
    if (nowMs - this.#dueAtMs > behindMsMax) this.#dueAtMs = nowMs;
    for (let count = 0; count < stepsAtOnceMax && this.#dueAtMs <= nowMs; count++) {
      const { value: step } = this.#steps.next();
      if (step === undefined || this.#planStopped || this.#ended) return;
      this.#execute(step);
    }
    this.#stepTimer = setTimeout(() => this.#runDueSteps(), Math.max(this.#dueAtMs - nowMs, 0));
  }

  #execute(step: ClientStep): void {
    switch (step.do) {
      case 'wait':
        this.#dueAtMs += step.ms;
        return;
      case 'publish': {
        const { topic, qos, retain = false, clear = false, expirySeconds = null } = step;
        if (qos > 0 && !this.#options.mayPublish()) return;
        this.client.publish({ topic, qos, retain, clear, expirySeconds });
        return;
      }
      case 'subscribe':
        return this.client.subscribe(step.filter, step.qos);
      case 'unsubscribe':
        return this.client.unsubscribe(step.filter);
      case 'move': {
        if (step.how === 'drop') this.client.drop();
        else if (step.how === 'vanish') this.client.vanish();
        else this.client.disconnect();
        this.#server = step.server;
        this.#failures = 0;
        // The plan pauses until the client is connected again.
        const awayMs = Math.max(step.awayMs, this.#lostUntilMs - performance.now());
        this.#dueAtMs += awayMs;
        this.#connectIn(awayMs);
      }
    }
  }
}
