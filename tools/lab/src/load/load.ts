import { LabError } from '../errors.ts';
import type { MemberPlace } from '../layout.ts';
import { seededRandom } from '../random.ts';
import type { Server } from './connection.ts';
import type { History, QoS, RetainedView } from './history.ts';
import { inspectRetained, inspectWills } from './inspect-others.ts';
import { inspectStream } from './inspect-stream.ts';
import { Publisher } from './publisher.ts';
import { lookAtRetained, RetainedWriter } from './retained.ts';
import { Subscriber } from './subscriber.ts';
import type { ByQoS } from './verdict.ts';
import { WillClient } from './will-clients.ts';

const tickMs = 10;
const pollMs = 50;
/** Looking through the whole history takes longer. */
const completePollMs = 300;
const connectMsMax = 30_000;
const drainMsMax = 60_000;
/** Repeats that come late must be seen. */
const afterglowMs = 1_000;
/** P5 gives 2 s; the rest is this machine's. */
const retainedMsMax = 10_000;
const gapMsMax = 5_000;
const retainedWriters = 3;
const retainedWritesPerSecond = 8;
const latenciesKeptMax = 200_000;

export interface LoadOptions {
  readonly members: readonly MemberPlace[];
  /** Messages a second for each QoS. */
  readonly rate: number;
  readonly seed: number;
  readonly isRunning: (member: string) => boolean;
  /** Members may ack QoS 1 without a majority in this run. */
  readonly mayDegrade: boolean;
}

/** The verifying load of a run: numbered messages, subscribers of all kinds, retained messages and wills. */
export class Load {
  readonly #options: LoadOptions;
  readonly #random: () => number;
  readonly #prefix: string;
  readonly #publishers: readonly Publisher[];
  readonly #writers: readonly RetainedWriter[];
  readonly #subscribers: readonly Subscriber[];
  readonly #mortals: readonly WillClient[];
  readonly #roamers: readonly WillClient[];
  readonly #sessionsLost: string[] = [];
  readonly #problems: string[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #gapsMs: number[] = [];
  readonly #gapsAtKilledMs: number[] = [];
  #timer: NodeJS.Timeout | null = null;
  #views: readonly RetainedView[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#prefix = `lab/${Math.floor(Date.now() / 1_000).toString(36)}${process.pid.toString(36)}/`;
    const { members } = options;
    const qosLevels: readonly QoS[] = [0, 1, 2];
    this.#publishers = qosLevels.flatMap((qos) => members.map((home) => this.#publisher(qos, home)));
    this.#writers = members.slice(0, retainedWriters).map((home) => this.#writer(home));
    this.#subscribers = this.#makeSubscribers();
    const places = members.flatMap((home) => [home, home]);
    this.#mortals = places.map((home, index) => this.#willClient(`mortal-${index}`, home, false));
    this.#roamers = members.map((home, index) => this.#willClient(`roamer-${index}`, home, true));
  }

  /** The home first, the others in a random order. */
  #servers(home: MemberPlace | undefined): Server[] {
    const others = this.#options.members
      .filter((member) => member !== home)
      .map((member) => ({ member, order: this.#random() }))
      .sort((left, right) => left.order - right.order)
      .map(({ member }) => member);
    const all = home === undefined ? others : [home, ...others];
    return all.map(({ id, host, mqttPort }) => ({ id, host, port: mqttPort }));
  }

  #common(id: string, home: MemberPlace | undefined) {
    return {
      id: `${this.#prefix.replaceAll('/', '-')}${id}`,
      servers: this.#servers(home),
      random: this.#random,
      onSessionLost: (sentence: string) => void this.#sessionsLost.push(sentence),
    };
  }

  #publisher(qos: QoS, home: MemberPlace): Publisher {
    const common = this.#common(`publisher-${home.id}-qos${qos}`, home);
    const topic = `${this.#prefix}data/${common.id}`;
    const content = (number: number) => ({
      topic,
      payload: `${common.id}|${number}|${performance.now()}`,
      retain: false,
    });
    return new Publisher({ ...common, qos, content });
  }

  #writer(home: MemberPlace): RetainedWriter {
    return new RetainedWriter({
      ...this.#common(`writer-${home.id}`, home),
      topicPrefix: `${this.#prefix}retained/`,
    });
  }

  #makeSubscribers(): Subscriber[] {
    const kinds: readonly (readonly [boolean, QoS])[] = [
      [true, 2],
      [true, 2],
      [true, 2],
      [true, 1],
      [false, 2],
      [false, 2],
    ];
    const { members } = this.#options;
    return kinds.map(([persistent, qos], index) => {
      const home = members[members.length - 1 - (index % members.length)];
      return new Subscriber({
        ...this.#common(`${persistent ? 'persistent' : 'clean'}-subscriber-${index}`, home),
        persistent,
        qos,
        filters: [`${this.#prefix}data/#`, `${this.#prefix}will/#`],
        willPrefix: `${this.#prefix}will/`,
        onDelivery: (_stream, _number, latencyMs) => {
          if (this.#latenciesMs.length < latenciesKeptMax) this.#latenciesMs.push(latencyMs);
        },
      });
    });
  }

  #willClient(id: string, home: MemberPlace, comesBack: boolean): WillClient {
    const { isRunning } = this.#options;
    const topicPrefix = `${this.#prefix}will/`;
    return new WillClient({ ...this.#common(id, home), topicPrefix, comesBack, isRunning });
  }

  /** Connects everybody and starts to publish. @throws LabError when not all are connected in time. */
  async start(): Promise<void> {
    const writers = this.#writers.map(({ publisher }) => publisher);
    const others = [...this.#publishers, ...writers, ...this.#mortals, ...this.#roamers];
    for (const client of [...this.#subscribers, ...others]) client.start();
    const connected = await this.#until(
      () => this.#subscribers.every(({ ready }) => ready) && others.every(({ up }) => up),
      connectMsMax,
    );
    if (!connected) throw new LabError('not all clients of the load could connect');
    this.#publish();
  }

  #publish(): void {
    const { rate } = this.#options;
    const writers = this.#writers.map(({ publisher }) => publisher);
    const startedAtMs = performance.now();
    let messages = 0;
    let writes = 0;
    // Round robin, by the clock: what a late tick missed is made up for at once.
    this.#timer = setInterval(() => {
      const seconds = (performance.now() - startedAtMs) / 1_000;
      for (; messages < seconds * rate * 3; messages++)
        this.#publishers[messages % this.#publishers.length]?.publish();
      for (; writes < seconds * retainedWritesPerSecond; writes++)
        writers[writes % writers.length]?.publish();
    }, tickMs);
  }

  /** Half of the mortals die now by themselves; the rest die with their members or not at all. */
  killMortals(): void {
    this.#mortals.filter((_, index) => index % 2 === 0).forEach((mortal) => mortal.die());
  }

  /**
   * Measures the client-visible gap after a kill: from the fault to the first PUBACK or PUBREC that counts, for each QoS 1
   * and 2 publisher. At a killed member that is the first one on a new connection; elsewhere the first one for a message
   * sent after the fault (so the distance between two messages is in it).
   */
  watchGaps(faultAtMs: number, killed: readonly string[]): void {
    for (const publisher of this.#publishers.filter(({ stream }) => stream.qos > 0)) {
      const homeKilled = killed.includes(publisher.home ?? '');
      publisher.watch(faultAtMs, homeKilled, (gapMs) => {
        this.#gapsMs.push(gapMs);
        if (homeKilled) this.#gapsAtKilledMs.push(gapMs);
      });
    }
  }

  /** A promise that the load itself can't see was broken. */
  report(problem: string): void {
    this.#problems.push(problem);
  }

  /** A kill's gaps end with a message that is sent after it: publishing goes on until then, for 5 s at most. */
  async gapsEnded(): Promise<void> {
    await this.#until(() => this.#publishers.every(({ openWatches }) => openWatches === 0), gapMsMax);
  }

  stopPublishing(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Waits until everything that is owed has come, or 60 s; then looks at the retained messages of every member. */
  async settle(): Promise<void> {
    this.stopPublishing();
    const all = [...this.#publishers, ...this.#writers.map(({ publisher }) => publisher)];
    const idle = await this.#until(() => all.every((publisher) => publisher.idle), drainMsMax);
    if (!idle) {
      const waiting = all.filter((publisher) => !publisher.idle).length;
      this.#problems.push(`${waiting} publishers still wait for answers after ${drainMsMax / 1_000} s`);
    }
    await this.#until(() => this.#subscribers.every(({ ready }) => ready), drainMsMax);
    await this.#until(() => this.#complete(), drainMsMax, completePollMs);
    await new Promise((resolve) => setTimeout(resolve, afterglowMs));
    await this.#lookAtRetained();
  }

  /** Everything acked has come, and every will that is certain. */
  #complete(): boolean {
    const history = this.history();
    const lost = history.streams.some((stream) => stream.qos > 0 && inspectStream(stream, history).lost > 0);
    return !lost && inspectWills(history).length === 0;
  }

  async #lookAtRetained(): Promise<void> {
    const deadline = performance.now() + retainedMsMax;
    let look = 0;
    do {
      look += 1;
      this.#views = await Promise.all(
        this.#options.members.map(({ id, host, mqttPort }) =>
          lookAtRetained(
            { id, host, port: mqttPort },
            `${this.#prefix.replaceAll('/', '-')}look-${id}-${look}`,
            `${this.#prefix}retained/#`,
          ),
        ),
      );
    } while (performance.now() < deadline && !this.#retainedAsExpected());
  }

  #retainedAsExpected(): boolean {
    const { retained, mayDegrade } = this.history();
    return inspectRetained(retained, mayDegrade).length === 0;
  }

  /** Acks that came, by QoS: of all publishers, and at QoS 1 of the writers of retained messages, too. */
  acknowledged(): ByQoS {
    const writers = this.#writers.map(({ publisher }) => publisher);
    const count = (qos: QoS): number =>
      [...this.#publishers, ...writers]
        .filter(({ stream }) => stream.qos === qos)
        .flatMap(({ stream }) => stream.messages)
        .filter(({ ackedAtMs }) => ackedAtMs !== null).length;
    return { qos0: count(0), qos1: count(1), qos2: count(2) };
  }

  history(): History {
    const open = this.#publishers.reduce((sum, { openWatches }) => sum + openWatches, 0);
    const never = Array.from({ length: open }, () => Infinity);
    return {
      streams: this.#publishers.map(({ stream }) => stream),
      subscribers: this.#subscribers.map(({ history }) => history),
      wills: [...this.#mortals, ...this.#roamers].flatMap(({ wills }) => wills),
      retained: {
        expected: new Map(this.#writers.flatMap(({ written }) => [...written])),
        views: this.#views,
      },
      sessionsLost: this.#sessionsLost,
      problems: this.#problems,
      mayDegrade: this.#options.mayDegrade,
      droppedAtBound: 0,
      gapsMs: [...this.#gapsMs, ...never],
      gapsAtKilledMs: this.#gapsAtKilledMs,
      latenciesMs: this.#latenciesMs,
    };
  }

  end(): void {
    this.stopPublishing();
    for (const client of [...this.#publishers, ...this.#subscribers]) client.end();
    for (const { publisher } of this.#writers) publisher.end();
    for (const client of [...this.#mortals, ...this.#roamers]) client.leave();
  }

  async #until(done: () => boolean, msMax: number, everyMs = pollMs): Promise<boolean> {
    const deadline = performance.now() + msMax;
    while (!done()) {
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    return true;
  }
}
