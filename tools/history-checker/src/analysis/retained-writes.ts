import type { Messages } from '../tables/messages.ts';
import { mayHaveDegradedAck } from './degraded-acks.ts';
import type { Analysis } from './analysis.ts';

/**
 * Longest time until a server has applied all packets that it received on a connection, ms. The time begins
 * at the end of the connection or of the server's fault, and it includes an election.
 */
const appliedWithinMs = 3_000;
/** A retained message with a shorter Message Expiry Interval may expire during the run, ms. */
const shortExpiryMsMax = 3_600_000;

/**
 * The writes of retained topics, and the majority-acknowledged writes that must have replaced them. A
 * majority-acknowledged write replaces all writes that had taken effect before its first PUBLISH. Any other
 * write (at QoS 0, without an acknowledgement, with a degraded acknowledgement, or with a copy on another
 * connection) may take effect later. That delay is bounded: a server applies all packets that it received
 * soon after the end of the connection, or after the end of the last fault that affected the server.
 */
export class RetainedWrites {
  readonly #analysis: Analysis;
  readonly #effects = new Map<number, number>();
  readonly #byTopic = new Map<number, { readonly all: number[]; readonly byMajority: MajorityWrites }>();

  constructor(analysis: Analysis) {
    this.#analysis = analysis;
    const { messages } = analysis.tables;
    const byTopic = new Map<number, number[]>();
    for (let row = 0; row < messages.count; row++) {
      if (!messages.isRetained(row)) continue;
      const writes = byTopic.get(messages.topic(row));
      if (writes) writes.push(row);
      else byTopic.set(messages.topic(row), [row]);
    }
    for (const [topic, all] of byTopic) {
      // The rule `message-expiry` judges the topics whose messages expire during the run.
      if (all.some((row) => (messages.expiryMs(row) ?? Infinity) < shortExpiryMsMax)) continue;
      const byMajority = new MajorityWrites(
        analysis,
        all.filter((row) => this.#hasMajorityAck(row)),
      );
      this.#byTopic.set(topic, { all, byMajority });
    }
  }

  topics(): IterableIterator<number> {
    return this.#byTopic.keys();
  }

  writes(topic: number): readonly number[] {
    return this.#byTopic.get(topic)?.all ?? [];
  }

  /**
   * @returns the row of a majority-acknowledged write that was sent after the given write took effect, and
   * acknowledged before the given time; null if there is no such write
   */
  replacementOf(write: number, ackedBeforeMs: number): number | null {
    const { messages } = this.#analysis.tables;
    const sinceMs = this.#effectiveAt(write);
    return this.#byTopic.get(messages.topic(write))?.byMajority.after(sinceMs, ackedBeforeMs) ?? null;
  }

  /**
   * @returns the row of any majority-acknowledged write of the topic that was acknowledged before the given
   * time; null if there is no such write
   */
  anyMajorityWrite(topic: number, ackedBeforeMs: number): number | null {
    return this.#byTopic.get(topic)?.byMajority.after(-Infinity, ackedBeforeMs) ?? null;
  }

  /**
   * Whether the topic must have a retained message: a majority acknowledged a write before `ackedBeforeMs`,
   * and every clear that was sent before `sentBeforeMs` must have been replaced.
   */
  mustBeSet(topic: number, ackedBeforeMs: number, sentBeforeMs: number): boolean {
    const { messages } = this.#analysis.tables;
    if (this.anyMajorityWrite(topic, ackedBeforeMs) === null) return false;
    const writes = this.writes(topic);
    // The search begins at the newest write, because the newest clear is the least likely to have been replaced.
    for (let place = firstAfter(writes, messages, sentBeforeMs) - 1; place >= 0; place--) {
      const row = writes[place] as number;
      if (messages.isClear(row) && this.replacementOf(row, ackedBeforeMs) === null) return false;
    }
    return true;
  }

  #hasMajorityAck(row: number): boolean {
    const { messages } = this.#analysis.tables;
    return (
      messages.isAcked(row) &&
      messages.qos(row) > 0 &&
      !messages.isWill(row) &&
      !mayHaveDegradedAck(this.#analysis, row)
    );
  }

  /**
   * @returns the time by which the write must have taken effect, if it takes effect at all; Infinity if that
   * time can't be determined
   */
  #effectiveAt(row: number): number {
    let atMs = this.#effects.get(row);
    if (atMs === undefined) {
      atMs = this.#findEffect(row);
      this.#effects.set(row, atMs);
    }
    return atMs;
  }

  #findEffect(row: number): number {
    const { messages } = this.#analysis.tables;
    if (messages.isWill(row)) return Infinity;
    const isOnce =
      messages.qos(row) === 2
        ? this.#analysis.publisherSessions(row) === 1
        : messages.sendConnectionCount(row) === 1;
    if (isOnce && this.#hasMajorityAck(row)) return messages.ackAt(row);
    return Math.max(...messages.sendConnections(row).map((sender) => this.#appliedAt(row, sender)));
  }

  /**
   * @returns the time by which the server of a connection has applied all packets that it received on the
   * connection
   */
  #appliedAt(row: number, sender: number): number {
    const { tables, lag } = this.#analysis;
    const { messages, faults, endAt } = tables;
    const { connect, closedAt } = this.#analysis.connection(sender);
    const isAnswered = messages.isAcked(row) && messages.ackConnection(row) === sender;
    const receivedAt = isAnswered ? messages.ackAt(row) : Math.min(closedAt, endAt ?? Infinity);
    const untilMs = receivedAt + appliedWithinMs;
    const disruption = faults.disruptionOf(connect.server, messages.firstAt(row), untilMs);
    return (
      Math.max(untilMs, disruption ? disruption.toMs + appliedWithinMs : 0) + lag.longest(receivedAt, untilMs)
    );
  }
}

/**
 * @returns the index of the first row that was sent after the given time; the rows must be in the order of
 * sending
 */
function firstAfter(rows: readonly number[], messages: Messages, atMs: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages.firstAt(rows[middle] as number) > atMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The majority-acknowledged writes of one topic, in the order in which they were sent. */
class MajorityWrites {
  readonly #rows: readonly number[];
  /** For each index, the row with the earliest acknowledgement among the rows from that index on. */
  readonly #earliest: number[];
  readonly #analysis: Analysis;

  constructor(analysis: Analysis, rows: readonly number[]) {
    const { messages } = analysis.tables;
    this.#analysis = analysis;
    this.#rows = rows;
    this.#earliest = [...rows];
    for (let at = rows.length - 2; at >= 0; at--) {
      const next = this.#earliest[at + 1] as number;
      if (messages.ackAt(next) < messages.ackAt(rows[at] as number)) this.#earliest[at] = next;
    }
  }

  /**
   * @returns the row of a write that was sent and acknowledged between the two times; null if there is none
   */
  after(sentAfterMs: number, ackedBeforeMs: number): number | null {
    const low = firstAfter(this.#rows, this.#analysis.tables.messages, sentAfterMs);
    const row = this.#earliest[low];
    return row !== undefined && this.#analysis.tables.messages.ackAt(row) < ackedBeforeMs ? row : null;
  }
}
