import { mayBeDegraded } from './degraded.ts';
import type { Facts } from './facts.ts';

/**
 * The writes of retained topics, and which of them are certain to have replaced which. Certain is one that was
 * acknowledged with a majority; it replaces what was certain to be in effect when it was first sent. All else (QoS 0, no
 * ack, a will, an ack that may be degraded, a copy left on another connection) may take effect at any later time.
 */
export class RetainedWrites {
  readonly #facts: Facts;
  readonly #byTopic = new Map<number, { readonly all: number[]; readonly certain: Replacers }>();

  constructor(facts: Facts) {
    this.#facts = facts;
    const { messages } = facts.book;
    const byTopic = new Map<number, number[]>();
    for (let row = 0; row < messages.count; row++) {
      if (!messages.isRetained(row)) continue;
      const writes = byTopic.get(messages.topic(row));
      if (writes) writes.push(row);
      else byTopic.set(messages.topic(row), [row]);
    }
    for (const [topic, all] of byTopic) {
      const certain = new Replacers(
        facts,
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
    const { messages } = this.#facts.book;
    const sinceMs = this.#effectiveAt(write);
    return this.#byTopic.get(messages.topic(write))?.certain.after(sinceMs, ackedBeforeMs) ?? null;
  }

  /** The row of any certain write of a topic that was acknowledged before the time. */
  anyCertain(topic: number, ackedBeforeMs: number): number | null {
    return this.#byTopic.get(topic)?.certain.after(-Infinity, ackedBeforeMs) ?? null;
  }

  /** Whether something must be retained: a set was acknowledged, and every clear that was sent is certain to be replaced. */
  isCertainlySet(topic: number, ackedBeforeMs: number, sentBeforeMs: number): boolean {
    const { messages } = this.#facts.book;
    const clears = this.writes(topic).filter(
      (row) => messages.isClear(row) && messages.firstAt(row) <= sentBeforeMs,
    );
    return (
      this.anyCertain(topic, ackedBeforeMs) !== null &&
      clears.every((row) => this.replacer(row, ackedBeforeMs) !== null)
    );
  }

  #isCertain(row: number): boolean {
    const { messages } = this.#facts.book;
    return (
      messages.isAcked(row) &&
      messages.qos(row) > 0 &&
      !messages.isWill(row) &&
      !mayBeDegraded(this.#facts, row)
    );
  }

  /** From when on it is certain to have had its effect; Infinity if that is never certain. */
  #effectiveAt(row: number): number {
    const { messages } = this.#facts.book;
    if (!this.#isCertain(row)) return Infinity;
    const isOnce =
      messages.qos(row) === 2 ? this.#facts.publisherSessions(row) === 1 : messages.wayCount(row) === 1;
    return isOnce ? messages.ackAt(row) : Infinity;
  }
}

/** Certain writes of one topic, searched by the time of sending. */
class Replacers {
  readonly #rows: readonly number[];
  readonly #sentAt: readonly number[];
  /** The row with the earliest ack from here on. */
  readonly #earliest: number[];
  readonly #facts: Facts;

  constructor(facts: Facts, rows: readonly number[]) {
    const { messages } = facts.book;
    this.#facts = facts;
    this.#rows = rows;
    this.#sentAt = rows.map((row) => messages.firstAt(row));
    this.#earliest = [...rows];
    for (let at = rows.length - 2; at >= 0; at--) {
      const next = this.#earliest[at + 1] as number;
      if (messages.ackAt(next) < messages.ackAt(rows[at] as number)) this.#earliest[at] = next;
    }
  }

  after(sentAfterMs: number, ackedBeforeMs: number): number | null {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sentAt[middle] as number) > sentAfterMs) high = middle;
      else low = middle + 1;
    }
    const row = this.#earliest[low];
    return row !== undefined && this.#facts.book.messages.ackAt(row) < ackedBeforeMs ? row : null;
  }
}
