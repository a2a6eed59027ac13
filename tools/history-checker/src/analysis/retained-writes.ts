import type { Messages } from '../tables/messages.ts';
import { mayBeDegraded } from './degraded-acks.ts';
import type { Analysis } from './analysis.ts';

/** From what a server heard last on a connection, or from the end of what it suffers, to the effect; a log's election is in it. */
const dealtWithMs = 3_000;

/**
 * The writes of retained topics, and which of them are certain to have replaced which. Certain is one that was
 * acknowledged with a majority; it replaces what was certain to be in effect when it was first sent. All else (QoS 0, no
 * ack, an ack that may be degraded, a copy left on another connection) may take effect later, but not for ever: a server
 * has dealt with what it was sent soon after the connection's end, or after the last fault that it felt then.
 */
export class RetainedWrites {
  readonly #analysis: Analysis;
  readonly #effects = new Map<number, number>();
  readonly #byTopic = new Map<number, { readonly all: number[]; readonly certain: CertainWrites }>();

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
      const certain = new CertainWrites(
        analysis,
        all.filter((row) => this.#isCertain(row)),
      );
      this.#byTopic.set(topic, { all, certain });
    }
  }

  topics(): IterableIterator<number> {
    return this.#byTopic.keys();
  }

  writes(topic: number): readonly number[] {
    return this.#byTopic.get(topic)?.all ?? [];
  }

  /** The row of a certain write that was sent after this one was in effect and acknowledged before the time. */
  replacer(write: number, ackedBeforeMs: number): number | null {
    const { messages } = this.#analysis.tables;
    const sinceMs = this.#effectiveAt(write);
    return this.#byTopic.get(messages.topic(write))?.certain.after(sinceMs, ackedBeforeMs) ?? null;
  }

  /** The row of any certain write of a topic that was acknowledged before the time. */
  anyCertain(topic: number, ackedBeforeMs: number): number | null {
    return this.#byTopic.get(topic)?.certain.after(-Infinity, ackedBeforeMs) ?? null;
  }

  /** Whether something must be retained: a set was acknowledged, and every clear that was sent is certain to be replaced. */
  isCertainlySet(topic: number, ackedBeforeMs: number, sentBeforeMs: number): boolean {
    const { messages } = this.#analysis.tables;
    if (this.anyCertain(topic, ackedBeforeMs) === null) return false;
    const writes = this.writes(topic);
    // The newest are the likeliest to stand.
    for (let place = firstAfter(writes, messages, sentBeforeMs) - 1; place >= 0; place--) {
      const row = writes[place] as number;
      if (messages.isClear(row) && this.replacer(row, ackedBeforeMs) === null) return false;
    }
    return true;
  }

  #isCertain(row: number): boolean {
    const { messages } = this.#analysis.tables;
    return (
      messages.isAcked(row) &&
      messages.qos(row) > 0 &&
      !messages.isWill(row) &&
      !mayBeDegraded(this.#analysis, row)
    );
  }

  /** From when on it is certain to have had its effect, if it has any; Infinity if that is never certain. */
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
    if (isOnce && this.#isCertain(row)) return messages.ackAt(row);
    return Math.max(...messages.sendConnections(row).map((way) => this.#doneAt(row, way)));
  }

  /** When the server of one of the connections on which it was sent had done with it. */
  #doneAt(row: number, way: number): number {
    const { tables, lag } = this.#analysis;
    const { messages, faults, endAt } = tables;
    const { connect, closedAt } = this.#analysis.connection(way);
    const isAnswered = messages.isAcked(row) && messages.ackConnection(row) === way;
    const heardAt = isAnswered ? messages.ackAt(row) : Math.min(closedAt, endAt ?? Infinity);
    const untilMs = heardAt + dealtWithMs;
    const disruption = faults.disruptionOf(connect.server, messages.firstAt(row), untilMs);
    return Math.max(untilMs, disruption ? disruption.toMs + dealtWithMs : 0) + lag.longest(heardAt, untilMs);
  }
}

/** The place of the first that was sent after the time; rows are in the order of their sending. */
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

/** Certain writes of one topic, searched by the time of sending. */
class CertainWrites {
  readonly #rows: readonly number[];
  /** The row with the earliest ack from here on. */
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

  after(sentAfterMs: number, ackedBeforeMs: number): number | null {
    const low = firstAfter(this.#rows, this.#analysis.tables.messages, sentAfterMs);
    const row = this.#earliest[low];
    return row !== undefined && this.#analysis.tables.messages.ackAt(row) < ackedBeforeMs ? row : null;
  }
}
