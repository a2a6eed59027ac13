import type { HistoryEvent } from '@mqtt-cluster/history-checker';

/** An event without its time: the recorder stamps it. */
export type Unstamped = HistoryEvent extends infer E
  ? E extends HistoryEvent
    ? Omit<E, 'at'>
    : never
  : never;

export interface Counts {
  /** First sendings. */
  published: number;
  /** QoS 1 and 2, accepted. */
  acked: number;
  delivered: number;
  connected: number;
}

/** One clock, one numbering, one order of events for everything that a run does. */
export class Recorder {
  readonly counts: Counts = { published: 0, acked: 0, delivered: 0, connected: 0 };
  readonly #sink: (event: HistoryEvent) => void;
  readonly #startedAtMs = performance.now();
  #connections = 0;
  #messages = 0;
  #lastDeliveryAtMs = 0;
  #closed = false;

  constructor(sink: (event: HistoryEvent) => void) {
    this.#sink = sink;
  }

  /** Milliseconds since the start. */
  now(): number {
    return performance.now() - this.#startedAtMs;
  }

  nextConnection(): number {
    return ++this.#connections;
  }

  nextMessage(): number {
    return ++this.#messages;
  }

  /** When the last message was handed over, on the clock of {@link now}. */
  get lastDeliveryAtMs(): number {
    return this.#lastDeliveryAtMs;
  }

  record(event: Unstamped): void {
    if (this.#closed) return;
    const { type } = event;
    const nowMs = this.now();
    if (type === 'delivery') {
      this.counts.delivered += 1;
      this.#lastDeliveryAtMs = nowMs;
    } else if (type === 'publish' && !event.dup) this.counts.published += 1;
    else if (type === 'acked' && event.code < 0x80) this.counts.acked += 1;
    else if (type === 'connected') this.counts.connected += 1;
    // The order of keys is the order in the file; who reads it wants type and time first.
    const at = Math.round(nowMs * 10) / 10;
    this.#sink(Object.assign({ type, at }, event) as HistoryEvent);
  }

  /** What clients do from now on (clearing up) is no part of the history. */
  close(): void {
    this.#closed = true;
  }
}
