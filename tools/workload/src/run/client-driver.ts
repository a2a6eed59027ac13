import type { Recorder } from '../client/recorder.ts';
import { RecordingClient } from '../client/recording-client.ts';
import type { Server } from '../client/mqtt-connection.ts';
import { between, randomOf } from '../random.ts';
import type { Random } from '../random.ts';
import type { Actor, Step } from '../workloads/client-spec.ts';

/** What a late timer missed is made up for at once, up to so many steps. */
const stepsAtOnceMax = 100;
/** Further behind than this, a plan's clock is set to now. */
const behindMsMax = 1_000;
const retryDelayMsMin = 50;
const retryDelayMsMax = 250;

export interface PerformerOptions {
  readonly actor: Actor;
  /** In front of client ids, so that runs don't meet. */
  readonly clientPrefix: string;
  readonly servers: readonly Server[];
  readonly seed: number;
  readonly recorder: Recorder;
  /** A QoS 1 or 2 message is about to be published; false: there were enough. */
  readonly mayPublish: () => boolean;
}

/** Carries out one actor's plan on a recording client. */
export class Performer {
  readonly actor: Actor;
  readonly client: RecordingClient;
  readonly #options: PerformerOptions;
  readonly #steps: Generator<Step, void, void>;
  /** Where to go after a loss: not the plan's own, which must not depend on what the network did. */
  readonly #roamRandom: Random;
  #server: number;
  #failures = 0;
  #dueAtMs = 0;
  /** Whoever has lost its home for long (`away`) is not called back by its plan. */
  #lostUntilMs = 0;
  #stepTimer: NodeJS.Timeout | null = null;
  #dialTimer: NodeJS.Timeout | null = null;
  #away = false;
  #quiet = false;
  #ended = false;

  constructor(options: PerformerOptions) {
    const { actor, seed, recorder, clientPrefix, servers } = options;
    this.#options = options;
    this.actor = actor;
    this.#server = actor.home % servers.length;
    this.#steps = actor.plan(randomOf(seed, `plan of ${actor.name}`));
    this.#roamRandom = randomOf(seed, `ways of ${actor.name}`);
    this.client = new RecordingClient({
      clientId: `${clientPrefix}${actor.clientId ?? actor.name}`,
      version: actor.version,
      clean: actor.clean,
      expirySeconds: actor.expirySeconds,
      will: actor.will ?? null,
      recorder,
      onUp: () => {
        this.#failures = 0;
      },
      onDown: () => this.#lost(),
    });
    for (const { filter, qos } of actor.subscriptions) this.client.subscribe(filter, qos);
  }

  /** Connects. The plan begins with {@link perform}. */
  start(): void {
    this.#dial();
  }

  perform(): void {
    this.#dueAtMs = performance.now();
    this.#next();
  }

  /** The plan ends here; whoever has a session worth having comes back to it. */
  quiet(): void {
    this.#quiet = true;
    if (this.#stepTimer !== null) clearTimeout(this.#stepTimer);
    if (this.actor.mustBeUpInTheEnd && !this.client.busy) this.#dialIn(0);
    if (!this.actor.mustBeUpInTheEnd && this.#dialTimer !== null) clearTimeout(this.#dialTimer);
  }

  end(): void {
    this.#ended = true;
    for (const timer of [this.#stepTimer, this.#dialTimer]) if (timer !== null) clearTimeout(timer);
    this.client.disconnect();
  }

  #dial(): void {
    if (this.#ended) return;
    this.#away = false;
    const server = this.#options.servers[this.#server];
    if (server !== undefined) this.client.connect(server);
  }

  #dialIn(ms: number): void {
    if (this.#dialTimer !== null) clearTimeout(this.#dialTimer);
    this.#dialTimer = setTimeout(() => this.#dial(), ms);
  }

  #lost(): void {
    if (this.#ended || this.#away) return;
    const { onLoss, mustBeUpInTheEnd } = this.actor;
    const { servers } = this.#options;
    this.#failures += 1;
    if (this.#quiet ? !mustBeUpInTheEnd : onLoss.kind === 'stay away') return;
    this.#server =
      (this.#server + between(this.#roamRandom, 1, Math.max(servers.length - 1, 1))) % servers.length;
    if (!this.#quiet && onLoss.kind === 'away' && this.#failures === 1) {
      const ms = between(this.#roamRandom, onLoss.lowMs, onLoss.highMs);
      this.#lostUntilMs = performance.now() + ms;
      return this.#dialIn(ms);
    }
    const wait = between(this.#roamRandom, retryDelayMsMin, retryDelayMsMax);
    this.#dialIn(this.#failures > 2 ? wait : 0);
  }

  #next(): void {
    this.#stepTimer = null;
    const nowMs = performance.now();
    if (nowMs - this.#dueAtMs > behindMsMax) this.#dueAtMs = nowMs;
    for (let count = 0; count < stepsAtOnceMax && this.#dueAtMs <= nowMs; count++) {
      const { value: step } = this.#steps.next();
      if (step === undefined || this.#quiet || this.#ended) return;
      this.#take(step);
    }
    this.#stepTimer = setTimeout(() => this.#next(), Math.max(this.#dueAtMs - nowMs, 0));
  }

  #take(step: Step): void {
    switch (step.do) {
      case 'wait':
        this.#dueAtMs += step.ms;
        return;
      case 'publish': {
        const { topic, qos, retain = false, clear = false } = step;
        if (qos > 0 && !this.#options.mayPublish()) return;
        this.client.publish({ topic, qos, retain, clear });
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
        // A client that is away plans nothing more until it is back.
        const awayMs = Math.max(step.awayMs, this.#lostUntilMs - performance.now());
        this.#dueAtMs += awayMs;
        this.#dialIn(awayMs);
      }
    }
  }
}
