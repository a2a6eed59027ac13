import type { LogIndex, StoreId } from '@mqtt-cluster/contracts';
import { DeadlineHeap } from '../session/deadline-heap.ts';
import type { Deadline } from '../session/deadline-heap.ts';
import { TopicTree } from './topic-tree.ts';
import type { RetainedMessage } from '../types.ts';

/** When and by whom a topic was last changed. */
export interface TopicChange {
  readonly index: LogIndex;
  /** The store whose isolated publish it was, or null. */
  readonly isolatedStore: StoreId | null;
}

export interface RetainedRecord extends RetainedMessage, TopicChange {}

interface Expiry extends Deadline {
  readonly index: LogIndex;
  readonly topic: string;
}

/** Cleared topics that are remembered; for older ones only the newest of their indices is. */
export const tombstonesMax = 10_000;

/** Retained messages, and what is needed so that a delete never comes back (design, P5). */
export class RetainedMessages {
  readonly #messages = new TopicTree<RetainedRecord>();
  /** In the order of clearing. */
  readonly tombstones = new Map<string, TopicChange>();
  /** Topics without a tombstone may have been cleared up to this index. */
  tombstonesDiscardedUpTo: LogIndex = 0;
  readonly #expiries = new DeadlineHeap<Expiry>(expiresBefore);
  readonly #expiryByTopic = new Map<string, Expiry>();

  get size(): number {
    return this.#messages.size;
  }

  has(topic: string): boolean {
    return this.#messages.has(topic);
  }

  entries(): IterableIterator<[string, RetainedRecord]> {
    return this.#messages.entries();
  }

  /** Whether nobody but this store's own isolated publishes changed the topic after `index` (design, section 6). */
  unchangedSince(topic: string, index: LogIndex, storeId: StoreId | null): boolean {
    const change = this.#messages.get(topic) ?? this.tombstones.get(topic);
    if (!change) return this.tombstonesDiscardedUpTo <= index;
    return change.index <= index || (storeId !== null && change.isolatedStore === storeId);
  }

  set(entry: RetainedRecord): void {
    const { topic, expiresAt } = entry.message;
    this.tombstones.delete(topic);
    this.#cancelExpiry(topic);
    this.#messages.set(topic, entry);
    if (expiresAt === undefined) return;
    const expiry: Expiry = { deadline: expiresAt, index: entry.index, topic, cancelled: false };
    this.#expiryByTopic.set(topic, expiry);
    this.#expiries.push(expiry);
  }

  clear(topic: string, change: TopicChange): void {
    this.#messages.delete(topic);
    this.#cancelExpiry(topic);
    this.tombstones.delete(topic);
    this.tombstones.set(topic, change);
    for (const [oldest, old] of this.tombstones) {
      if (this.tombstones.size <= tombstonesMax) break;
      this.tombstones.delete(oldest);
      this.tombstonesDiscardedUpTo = Math.max(this.tombstonesDiscardedUpTo, old.index);
    }
  }

  /** Forgets what has expired [MQTT-3.3.2-5]; that is no change by anybody, so its index stays. */
  expire(timeMs: number): void {
    for (let due = this.#expiries.popDue(timeMs); due; due = this.#expiries.popDue(timeMs)) {
      const entry = this.#messages.get(due.topic);
      if (!entry) continue;
      this.clear(due.topic, { index: entry.index, isolatedStore: entry.isolatedStore });
    }
  }

  matching(filter: string, timeMs: number): RetainedRecord[] {
    const found: RetainedRecord[] = [];
    this.visit(filter, timeMs, (entry) => found.push(entry));
    return found;
  }

  visit(filter: string, timeMs: number, visit: (entry: RetainedRecord) => void): void {
    this.#messages.match(filter, (entry) => {
      const { expiresAt } = entry.message;
      if (expiresAt === undefined || expiresAt > timeMs) visit(entry);
    });
  }

  #cancelExpiry(topic: string): void {
    const expiry = this.#expiryByTopic.get(topic);
    if (!expiry) return;
    this.#expiries.cancel(expiry);
    this.#expiryByTopic.delete(topic);
  }
}

function expiresBefore(left: Expiry, right: Expiry): boolean {
  if (left.deadline !== right.deadline) return left.deadline < right.deadline;
  if (left.index !== right.index) return left.index < right.index;
  return left.topic < right.topic;
}
