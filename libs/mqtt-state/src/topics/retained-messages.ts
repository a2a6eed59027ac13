import { accessSemantics } from '@mqtt-cluster/contracts';
import type { LogIndex, StoreId } from '@mqtt-cluster/contracts';
import { tombstoneBytes } from '../bounds/sizes.ts';
import { Usage } from '../bounds/usage.ts';
import { DeadlineHeap, notScheduled } from '../session/deadline-heap.ts';
import type { Deadline } from '../session/deadline-heap.ts';
import { TopicTree } from './topic-tree.ts';
import type { VisitBudget } from './topic-tree.ts';
import type { RetainedMessage } from '../types.ts';

/** The last change of a topic's retained message. */
export interface TopicChange {
  readonly index: LogIndex;
  /** The store whose isolated member accepted the message, or null for a message accepted with a majority. */
  readonly isolatedWriter: StoreId | null;
}

export interface RetainedRecord extends RetainedMessage, TopicChange {
  /** The user that published the message. Null before `accessSemantics`, and for a client without a user. */
  readonly owner: string | null;
}

interface Expiry extends Deadline {
  readonly index: LogIndex;
  readonly topic: string;
}

/**
 * Bound on the number of tombstones. Beyond it the oldest tombstones are discarded, and only their newest log
 * index is kept.
 */
export const tombstonesMax = 10_000;
export const tombstoneBytesMax = 8 * 1024 * 1024;

/** Returns the bound on the bytes of all tombstones. */
export function tombstoneBytesMaxOf(semantics: number): number {
  return semantics < accessSemantics ? Infinity : tombstoneBytesMax;
}

/** The retained messages, and the tombstones that keep a deleted retained message from coming back (P5). */
export class RetainedMessages {
  /** The messages of QoS 1 and 2 are marked. */
  readonly #messages = new TopicTree<RetainedRecord>(({ message }) => message.qos > 0);
  /** The last change of each topic that was cleared, in the order of clearing. */
  readonly tombstones = new Map<string, TopicChange>();
  /**
   * The newest index of all discarded tombstones. A topic without a tombstone may have been cleared up to
   * this index.
   */
  tombstonesDiscardedUpTo: LogIndex = 0;
  readonly #usage: Usage;
  #tombstoneBytes = 0;
  readonly #expiries = new DeadlineHeap<Expiry>(expiresBefore);
  readonly #expiryByTopic = new Map<string, Expiry>();

  constructor(usage = new Usage()) {
    this.#usage = usage;
  }

  get size(): number {
    return this.#messages.size;
  }

  has(topic: string): boolean {
    return this.#messages.has(topic);
  }

  get(topic: string): RetainedRecord | undefined {
    return this.#messages.get(topic);
  }

  /** All retained messages, in the order in which their topics were first set. */
  records(): ReturnType<TopicTree<RetainedRecord>['nodes']> {
    return this.#messages.nodes();
  }

  /**
   * Returns whether the topic is unchanged since `index`, except by isolated publishes of the same store
   * (docs/DESIGN.md, "Retained messages").
   */
  unchangedSince(topic: string, index: LogIndex, storeId: StoreId | null): boolean {
    const change = this.#messages.get(topic) ?? this.tombstones.get(topic);
    if (!change) return this.tombstonesDiscardedUpTo <= index;
    return change.index <= index || (storeId !== null && change.isolatedWriter === storeId);
  }

  set(record: RetainedRecord): void {
    const { topic, expiresAt } = record.message;
    this.#deleteTombstone(topic);
    this.#release(topic);
    this.#messages.set(topic, record);
    this.#usage.keepRetained(record.owner, record.message);
    if (expiresAt === undefined) return;
    const expiry: Expiry = { deadline: expiresAt, index: record.index, topic, position: notScheduled };
    this.#expiryByTopic.set(topic, expiry);
    this.#expiries.push(expiry);
  }

  /** @param tombstoneBytesMax upper bound of the bytes of all tombstones */
  clear(topic: string, change: TopicChange, tombstoneBytesMax: number): void {
    this.#release(topic);
    this.#messages.delete(topic);
    this.#deleteTombstone(topic);
    this.restoreTombstone(topic, change);
    for (const [oldest, old] of this.tombstones) {
      if (this.tombstones.size <= tombstonesMax && this.#tombstoneBytes <= tombstoneBytesMax) break;
      this.#deleteTombstone(oldest);
      this.tombstonesDiscardedUpTo = Math.max(this.tombstonesDiscardedUpTo, old.index);
    }
  }

  /**
   * Deletes expired messages [MQTT-3.3.2-5]. The tombstone keeps the log index of the expired message,
   * because no publish deleted the message.
   */
  expire(timeMs: number, tombstoneBytesMax: number): void {
    for (let due = this.#expiries.popDue(timeMs); due; due = this.#expiries.popDue(timeMs)) {
      const record = this.#messages.get(due.topic);
      if (!record) continue;
      const { index, isolatedWriter } = record;
      this.clear(due.topic, { index, isolatedWriter }, tombstoneBytesMax);
    }
  }

  /** Returns the cluster time at which the next message expires, or null. */
  nextExpiry(): number | null {
    return this.#expiries.peek()?.deadline ?? null;
  }

  matching(filter: string, timeMs: number): RetainedRecord[] {
    const found: RetainedRecord[] = [];
    this.visit(filter, timeMs, (record) => found.push(record));
    return found;
  }

  visit(filter: string, timeMs: number, visit: (record: RetainedRecord) => void): void {
    this.visitAfter(filter, null, timeMs, (record) => {
      visit(record);
      return true;
    });
  }

  /**
   * Visits the matching messages whose topics follow the topic `after`, in the order of `compareTopics`, until
   * `visit` returns false or the budget is exhausted.
   * @param withoutQos0 skips messages of QoS 0. Branches of the tree that hold only these are not entered.
   * @returns the topic after which the visit has to continue because the budget is exhausted; otherwise null
   */
  visitAfter(
    filter: string,
    after: string | null,
    timeMs: number,
    visit: (record: RetainedRecord) => boolean,
    { withoutQos0 = false, budget }: { withoutQos0?: boolean; budget?: VisitBudget } = {},
  ): string | null {
    const visitUnexpired = (record: RetainedRecord): boolean => {
      const { expiresAt } = record.message;
      return (expiresAt !== undefined && expiresAt <= timeMs) || visit(record);
    };
    const options = { markedOnly: withoutQos0, ...(budget && { budget }) };
    return this.#messages.visitAfter(filter, after, visitUnexpired, options);
  }

  /** Adds a tombstone of a snapshot. */
  restoreTombstone(topic: string, change: TopicChange): void {
    this.tombstones.set(topic, change);
    this.#tombstoneBytes += tombstoneBytes + Buffer.byteLength(topic);
  }

  #deleteTombstone(topic: string): void {
    if (this.tombstones.delete(topic)) this.#tombstoneBytes -= tombstoneBytes + Buffer.byteLength(topic);
  }

  /** Ends the accounting and the expiry of the topic's retained message, if it has one. */
  #release(topic: string): void {
    const record = this.#messages.get(topic);
    if (!record) return;
    this.#usage.releaseRetained(record.owner, record.message);
    this.#cancelExpiry(topic);
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
