import type { Analysis } from './analysis.ts';

const bucketMs = 1_000;
/** Less than this changes no judgement. */
const noticedMsMin = 100;

/**
 * How long others had to wait at a time, on servers that no fault touched: from PUBLISH to its ack or to a connected
 * subscriber. Whatever goes through the same log then may take as much longer: a machine that is too busy for its brokers is
 * not held against them. What is late while all others are served at once is.
 */
export class ObservedLag {
  readonly #analysis: Analysis;
  readonly #buckets: Float64Array;

  constructor(analysis: Analysis) {
    this.#analysis = analysis;
    const { messages, deliveries, endAt } = analysis.tables;
    this.#buckets = new Float64Array(Math.ceil((endAt ?? 0) / bucketMs) + 1);
    for (let row = 0; row < messages.count; row++) {
      if (!messages.isAcked(row)) continue;
      const { connect, connectedAt } = analysis.connection(messages.ackConnection(row));
      this.#note(row, messages.ackAt(row), connect.server, connectedAt);
    }
    for (let row = 0; row < deliveries.count; row++) {
      if (deliveries.isRetained(row) || deliveries.isDup(row)) continue;
      const { connect, connectedAt } = analysis.connection(deliveries.connection(row));
      this.#note(deliveries.message(row), deliveries.at(row), connect.server, connectedAt);
    }
  }

  /** The longest that was under way in this time, ms. */
  longest(fromMs: number, toMs: number): number {
    let longest = 0;
    const last = Math.min(this.#buckets.length - 1, bucketOf(toMs));
    for (let bucket = Math.max(0, bucketOf(fromMs)); bucket <= last; bucket++) {
      longest = Math.max(longest, this.#buckets[bucket] ?? 0);
    }
    return longest;
  }

  #note(message: number, arrivedAt: number, server: string, connectedAt: number): void {
    const { messages, faults } = this.#analysis.tables;
    const sentAt = messages.firstAt(message);
    const tookMs = arrivedAt - sentAt;
    if (tookMs < noticedMsMin || messages.sendConnectionCount(message) > 1 || messages.isWill(message))
      return;
    // Who was away waited for itself.
    if (connectedAt > sentAt || faults.disruptionOf(server, sentAt, arrivedAt)) return;
    const last = Math.min(this.#buckets.length - 1, bucketOf(arrivedAt));
    for (let bucket = bucketOf(sentAt); bucket <= last; bucket++) {
      this.#buckets[bucket] = Math.max(this.#buckets[bucket] ?? 0, tookMs);
    }
  }
}

function bucketOf(atMs: number): number {
  return Math.floor(atMs / bucketMs);
}
