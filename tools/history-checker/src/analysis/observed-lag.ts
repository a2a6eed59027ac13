import type { HistoryTables } from '../tables/history-tables.ts';

const bucketMs = 1_000;
/** Shortest delay that is recorded, ms. Shorter delays have no influence on a verdict. */
const recordedMsMin = 100;

/**
 * The longest delays of clients on servers without a fault, for each second of the run. A delay is the time
 * from PUBLISH to the acknowledgement, or to the delivery at a connected subscriber. Other operations that go
 * through the same log may be late by this delay, so a busy machine causes no violation. An operation that is
 * late while all other operations are fast is a violation.
 */
export class ObservedLag {
  readonly #history: HistoryTables;
  readonly #buckets: Float64Array;

  constructor(tables: HistoryTables) {
    this.#history = tables;
    const { messages, deliveries, sessions, endAt } = tables;
    this.#buckets = new Float64Array(Math.ceil((endAt ?? 0) / bucketMs) + 1);
    for (let row = 0; row < messages.count; row++) {
      if (!messages.isAcked(row)) continue;
      const { connect, connectedAt } = sessions.connectionAt(messages.ackConnection(row));
      this.#record(row, messages.ackAt(row), connect.server, connectedAt);
    }
    for (let row = 0; row < deliveries.count; row++) {
      if (deliveries.isRetained(row) || deliveries.isDup(row)) continue;
      const { connect, connectedAt } = sessions.connectionAt(deliveries.connection(row));
      this.#record(deliveries.message(row), deliveries.at(row), connect.server, connectedAt);
    }
  }

  /** @returns the longest delay that overlaps this interval, ms */
  longest(fromMs: number, toMs: number): number {
    let longest = 0;
    const last = Math.min(this.#buckets.length - 1, bucketOf(toMs));
    for (let bucket = Math.max(0, bucketOf(fromMs)); bucket <= last; bucket++) {
      longest = Math.max(longest, this.#buckets[bucket] ?? 0);
    }
    return longest;
  }

  #record(message: number, arrivedAt: number, server: string, connectedAt: number): void {
    const { messages, faults } = this.#history;
    const sentAt = messages.firstAt(message);
    const tookMs = arrivedAt - sentAt;
    if (tookMs < recordedMsMin || messages.sendConnectionCount(message) > 1 || messages.isWill(message))
      return;
    // If the subscriber connected after the PUBLISH, the delay is not the target's: the subscriber was
    // disconnected.
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
