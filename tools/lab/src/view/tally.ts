import type { QoS } from '@mqtt-cluster/history-checker';
import { percentile } from '../load/percentile.ts';
import { zeroByQoS } from '../load/traffic-stats.ts';
import type { ByQoS } from '../load/traffic-stats.ts';
import type { TrafficView } from './render.ts';

/** A message counts as lost if it has not arrived this long after its acknowledgement (QoS 0: after it was sent). */
const lostAfterMs = 15_000;
/** Number of recent deliveries from which the latency percentiles are computed. */
const latenciesKept = 2_000;

/** A message that is not yet acknowledged or not yet delivered to all subscribers. */
interface OpenMessage {
  readonly sentAtMs: number;
  ackedAtMs: number | null;
  readonly receivedBy: Set<string>;
}

interface StreamState {
  readonly qos: QoS;
  readonly open: Map<number, OpenMessage>;
  /** Highest message number that was delivered to each subscriber. */
  readonly highest: Map<string, number>;
}

/** Counts the messages of an endless load. Performs no I/O. Its memory grows only with the number of undelivered messages. */
export class Tally {
  readonly #subscribers: number;
  readonly #streams = new Map<string, StreamState>();
  readonly #sent = zeroByQoS();
  readonly #acked = zeroByQoS();
  readonly #delivered = zeroByQoS();
  readonly #duplicated = zeroByQoS();
  readonly #outOfOrder = zeroByQoS();
  readonly #qos0Lost = zeroByQoS();
  readonly #latenciesMs: number[] = [];
  /** The delivered counts at the start of the current rate interval. */
  #before = { atMs: 0, delivered: zeroByQoS() };
  #perSecond = zeroByQoS();
  lastGapMs: number | null = null;

  /** @param subscribers number of subscribers that receive every message */
  constructor(subscribers: number) {
    this.#subscribers = subscribers;
  }

  sent(stream: string, qos: QoS, number: number, nowMs: number): void {
    let state = this.#streams.get(stream);
    if (state === undefined) {
      state = { qos, open: new Map(), highest: new Map() };
      this.#streams.set(stream, state);
    }
    state.open.set(number, { sentAtMs: nowMs, ackedAtMs: null, receivedBy: new Set() });
    this.#sent[`qos${qos}`] += 1;
  }

  acked(stream: string, number: number, nowMs: number): void {
    const state = this.#streams.get(stream);
    const open = state?.open.get(number);
    if (state !== undefined) this.#acked[`qos${state.qos}`] += 1;
    if (open === undefined) return;
    open.ackedAtMs = nowMs;
    if (open.receivedBy.size === this.#subscribers) state?.open.delete(number);
  }

  delivered(subscriber: string, stream: string, number: number, nowMs: number): void {
    const state = this.#streams.get(stream);
    if (state === undefined) return;
    const key = `qos${state.qos}` as const;
    const open = state.open.get(number);
    const highest = state.highest.get(subscriber) ?? 0;
    if (open === undefined || open.receivedBy.has(subscriber)) {
      this.#duplicated[key] += 1;
      return;
    }
    if (number < highest) this.#outOfOrder[key] += 1;
    state.highest.set(subscriber, Math.max(highest, number));
    open.receivedBy.add(subscriber);
    this.#latenciesMs.push(nowMs - open.sentAtMs);
    if (this.#latenciesMs.length > latenciesKept) this.#latenciesMs.shift();
    if (open.receivedBy.size < this.#subscribers) return;
    this.#delivered[key] += 1;
    if (state.qos === 0 || open.ackedAtMs !== null) state.open.delete(number);
  }

  /** Returns the counts. Computes new rates if the last rates were computed at least one second ago. */
  view(nowMs: number): TrafficView {
    const lost = this.#lost(nowMs);
    const seconds = (nowMs - this.#before.atMs) / 1_000;
    if (seconds >= 1) {
      const since = this.#before.delivered;
      const rate = (key: keyof ByQoS): number => (this.#delivered[key] - since[key]) / seconds;
      this.#perSecond = { qos0: rate('qos0'), qos1: rate('qos1'), qos2: rate('qos2') };
      this.#before = { atMs: nowMs, delivered: { ...this.#delivered } };
    }
    return {
      sent: this.#sent,
      acked: this.#acked,
      delivered: this.#delivered,
      lost,
      duplicated: this.#duplicated,
      outOfOrder: this.#outOfOrder,
      perSecond: this.#perSecond,
      latencyP50Ms: percentile(this.#latenciesMs, 0.5),
      latencyP99Ms: percentile(this.#latenciesMs, 0.99),
      lastGapMs: this.lastGapMs,
    };
  }

  #lost(nowMs: number): ByQoS {
    const lost = { ...this.#qos0Lost, qos1: 0, qos2: 0 };
    for (const { qos, open } of this.#streams.values()) {
      for (const [number, { sentAtMs, ackedAtMs }] of open) {
        if (qos === 0 && nowMs - sentAtMs > lostAfterMs) {
          // A QoS 0 message is never redelivered.
          open.delete(number);
          this.#qos0Lost.qos0 += 1;
          lost.qos0 += 1;
        } else if (qos > 0 && ackedAtMs !== null && nowMs - ackedAtMs > lostAfterMs) {
          lost[`qos${qos}`] += 1;
        }
      }
    }
    return lost;
  }
}
