import type { HistoryEvent } from '@mqtt-cluster/history-checker';
import { holdsWithin } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { LoadGenerator, Recorder } from '@mqtt-cluster/workload';
import { ClientGaps } from '../load/client-gaps.ts';
import { GapMeter } from '../load/gap-meter.ts';
import { Tally } from './tally.ts';

const messagesPerSecond = 60;
const rejectedMin = 0x80;
const readyMsMax = 60_000;
/** Client ids of the persistent QoS 2 subscribers of the workload `steady`. Both must receive every message. */
const countedSubscribers = /steady-subscriber-[01]$/;
const subscriberCount = 2;

/** A small endless load for the live view. It counts the traffic but does not record a history. */
export class LiveViewLoad {
  readonly tally = new Tally(subscriberCount);
  readonly #load: LoadGenerator;
  readonly #recorder: Recorder;
  readonly #gaps = new GapMeter();
  /** The clients and the times in which they made no progress. */
  readonly clients: ClientGaps;
  /** Client ids of the counted subscribers, by connection. */
  readonly #subscribers = new Map<number, string>();
  /** Topics of unacknowledged messages, by message. Each publisher has a topic of its own. */
  readonly #topics = new Map<number, string>();
  #stopped = false;

  constructor(servers: readonly ServerAddress[], seed: number) {
    this.#recorder = new Recorder((event) => this.#add(event));
    this.clients = new ClientGaps(
      () => this.#recorder.now(),
      () => Date.now(),
    );
    this.#load = new LoadGenerator({
      target: {
        servers,
        qosMax: 2,
        versions: [4, 5],
        sharesSubscriptions: true,
      },
      shares: { steady: 1 },
      rate: messagesPerSecond,
      seed,
      run: `live-${process.pid}`,
      recorder: this.#recorder,
      mayPublish: () => true,
    });
  }

  start(): void {
    this.#load.connect();
    // Publishing starts after all subscriptions, because an earlier message would count as lost.
    const isReady = (): boolean => this.#stopped || this.#load.notReady().length === 0;
    void holdsWithin(isReady, { timeoutMs: readyMsMax }).then(() => {
      if (!this.#stopped) this.#load.startPlans();
    });
  }

  /** Measures the longest gap of the publishers that are connected to the killed members, for the live view. */
  watchGap(killed: readonly string[]): void {
    this.tally.lastGapMs = null;
    this.#gaps.watch(this.#recorder.now(), killed, (gapMs, atKilledMember) => {
      if (atKilledMember) this.tally.lastGapMs = Math.max(this.tally.lastGapMs ?? 0, gapMs);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#load.end();
  }

  #add(event: HistoryEvent): void {
    this.#gaps.add(event);
    this.clients.add(event);
    const nowMs = performance.now();
    switch (event.type) {
      case 'connect':
        if (countedSubscribers.test(event.clientId)) this.#subscribers.set(event.connection, event.clientId);
        return;
      case 'closed':
        this.#subscribers.delete(event.connection);
        return;
      case 'publish':
        if (event.dup) return;
        if (event.qos > 0) this.#topics.set(event.message, event.topic);
        return this.tally.sent(event.topic, event.qos, event.message, nowMs);
      case 'acked': {
        const topic = this.#topics.get(event.message);
        this.#topics.delete(event.message);
        if (topic !== undefined && event.code < rejectedMin) this.tally.acked(topic, event.message, nowMs);
        return;
      }
      case 'delivery': {
        const subscriber = this.#subscribers.get(event.connection);
        if (subscriber !== undefined) this.tally.delivered(subscriber, event.topic, event.message, nowMs);
        return;
      }
      default:
    }
  }
}
