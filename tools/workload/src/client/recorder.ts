import type { HistoryEvent } from '@mqtt-cluster/history-checker';

/** An event without its time, which the recorder adds. */
export type EventWithoutTime = HistoryEvent extends infer E
  ? E extends HistoryEvent
    ? Omit<E, 'at'>
    : never
  : never;

/** Numbers of the events that have been recorded. */
export interface EventCounts {
  /** Number of PUBLISH packets without DUP. */
  published: number;
  /** Number of PUBACK and PUBREC packets without an error code. */
  acked: number;
  delivered: number;
  connected: number;
}

/**
 * Records the events of all clients of a run in one order and with the times of one clock. It also assigns the ids of
 * connections and messages.
 */
export class Recorder {
  readonly counts: EventCounts = { published: 0, acked: 0, delivered: 0, connected: 0 };
  readonly #sink: (event: HistoryEvent) => void;
  readonly #startedAtMs = performance.now();
  #connections = 0;
  #messages = 0;
  #lastDeliveryAtMs = 0;
  #closed = false;

  constructor(sink: (event: HistoryEvent) => void) {
    this.#sink = sink;
  }

  /** @returns the time since the start of the run, ms */
  now(): number {
    return performance.now() - this.#startedAtMs;
  }

  nextConnection(): number {
    return ++this.#connections;
  }

  nextMessage(): number {
    return ++this.#messages;
  }

  /** Time of the last delivery on the clock of {@link now}. */
  get lastDeliveryAtMs(): number {
    return this.#lastDeliveryAtMs;
  }

  record(event: EventWithoutTime): void {
    if (this.#closed) return;
    const { type } = event;
    const nowMs = this.now();
    if (type === 'delivery') {
      this.counts.delivered += 1;
      this.#lastDeliveryAtMs = nowMs;
    } else if (type === 'publish' && !event.dup) this.counts.published += 1;
    else if (type === 'acked' && event.code < 0x80) this.counts.acked += 1;
    else if (type === 'connected') this.counts.connected += 1;
    // The file keeps the order of the keys. Type and time come first for human readers.
    const at = Math.round(nowMs * 10) / 10;
    this.#sink(Object.assign({ type, at }, event) as HistoryEvent);
  }

  /** Stops recording: packets that clean up the target do not belong to the history. */
  close(): void {
    this.#closed = true;
  }
}
