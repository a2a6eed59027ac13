import type { LogIndex, OutboxItem } from '@mqtt-cluster/contracts';
import type { JournalRecord } from './journal-record.ts';
import { outboxKey } from '../stored-state.ts';

export interface Segment {
  readonly number: number;
  bytes: number;
  /** The last live entry in the segment; 0 if it has none. */
  lastEntry: LogIndex;
  /** Size of the live outbox items in the segment. */
  outboxBytes: number;
}

interface LiveItem {
  readonly segment: Segment;
  readonly bytes: number;
}

/** Approximate size of an outbox item's key and lengths in a record. */
const itemOverheadBytes = 16;

/**
 * Tracks the live entries and outbox items of each segment, to find segments that can be removed. Segments
 * are removed from the front only, so that a replay never finds a gap.
 */
export class SegmentTracker {
  readonly #segments: Segment[] = [];
  readonly #outbox = new Map<string, LiveItem>();
  #snapshotIndex: LogIndex = 0;
  #journalBytes = 0;
  #outboxBytes = 0;

  get journalBytes(): number {
    return this.#journalBytes;
  }

  get outboxBytes(): number {
    return this.#outboxBytes;
  }

  get active(): Segment {
    const active = this.#segments.at(-1);
    if (active === undefined) throw new Error('the journal has no segment');
    return active;
  }

  add(number: number): Segment {
    const segment: Segment = { number, bytes: 0, lastEntry: 0, outboxBytes: 0 };
    this.#segments.push(segment);
    return segment;
  }

  resize(segment: Segment, bytes: number): void {
    this.#journalBytes += bytes - segment.bytes;
    segment.bytes = bytes;
  }

  /** Records the live content of a record that is durable in `segment`. */
  recorded(segment: Segment, record: JournalRecord): void {
    if (record.header !== undefined) this.#snapshotIndex = record.header.snapshot?.index ?? 0;
    if (record.snapshot !== undefined) {
      this.#snapshotIndex = record.snapshot.index;
      if (record.dropLog === true) this.#limitEntries(0);
    }
    if (record.truncateFrom !== undefined) this.#limitEntries(record.truncateFrom - 1);
    segment.lastEntry = record.entries?.at(-1)?.index ?? segment.lastEntry;
    for (const item of record.outboxPut ?? []) this.#put(segment, item);
    for (const item of record.outboxDelete ?? []) this.#delete(outboxKey(item));
  }

  /** Returns the oldest segment if this segment has no live content, else null. */
  removable(): Segment | null {
    const oldest = this.#oldestWithoutEntries();
    return oldest !== null && oldest.outboxBytes === 0 ? oldest : null;
  }

  /**
   * Returns the oldest segment if its only live content is outbox items and writing these items again frees
   * enough space. This is the case if the items are at most half of the segment, or if the segment prevents
   * the removal of much garbage in later segments. Otherwise returns null.
   */
  worthCompacting(garbageBytesMin: number): Segment | null {
    const oldest = this.#oldestWithoutEntries();
    if (oldest === null || oldest.outboxBytes === 0) return null;
    if (oldest.outboxBytes * 2 <= oldest.bytes) return oldest;
    let garbageBytes = 0;
    for (const segment of this.#segments) {
      if (segment.lastEntry <= this.#snapshotIndex) garbageBytes += segment.bytes - segment.outboxBytes;
    }
    return garbageBytes > garbageBytesMin + this.#outboxBytes / 2 ? oldest : null;
  }

  removed(segment: Segment): void {
    this.#segments.shift();
    this.#journalBytes -= segment.bytes;
  }

  holds(segment: Segment, item: Pick<OutboxItem, 'incarnation' | 'sequence'>): boolean {
    return this.#outbox.get(outboxKey(item))?.segment === segment;
  }

  #oldestWithoutEntries(): Segment | null {
    const oldest = this.#segments[0];
    if (oldest === undefined || this.#segments.length === 1) return null;
    return oldest.lastEntry <= this.#snapshotIndex ? oldest : null;
  }

  #limitEntries(last: LogIndex): void {
    for (const segment of this.#segments) segment.lastEntry = Math.min(segment.lastEntry, last);
  }

  #put(segment: Segment, item: OutboxItem): void {
    const key = outboxKey(item);
    this.#delete(key);
    const bytes = item.data.length + itemOverheadBytes;
    this.#outbox.set(key, { segment, bytes });
    segment.outboxBytes += bytes;
    this.#outboxBytes += bytes;
  }

  #delete(key: string): void {
    const item = this.#outbox.get(key);
    if (item === undefined) return;
    item.segment.outboxBytes -= item.bytes;
    this.#outboxBytes -= item.bytes;
    this.#outbox.delete(key);
  }
}
