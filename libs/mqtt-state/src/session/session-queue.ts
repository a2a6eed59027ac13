import type { LogIndex, QoS } from '@mqtt-cluster/contracts';
import { queueItemBytes } from '../bounds/sizes.ts';
import { outgoingPacketIdMax, outgoingPacketIdMin, QueuedMessage } from './queued-message.ts';
import type { MessageBody } from './queued-message.ts';

/** Bound on a session's QoS 2 exchanges in progress, also if the client's Receive Maximum is larger. */
const outgoingWindowMax = 100;
/** A queue is compacted when its empty slots outnumber its items by more than this. */
const removedSlotsMax = 32;

/**
 * The queue of one session, in the order of the log. A removed item leaves an empty slot, and the queue is
 * compacted when enough slots are empty. So a removal from the middle costs amortised constant time. Items
 * are found by binary search.
 */
export class SessionQueue {
  /** The item number of each slot, including the slots of removed items. */
  #numbers: number[] = [];
  /** The item of each slot. Null if the item was removed. */
  #items: (QueuedMessage | null)[] = [];
  /** All slots before this one are empty. */
  #head = 0;
  #size = 0;
  #bytes = 0;
  #memory = 0;
  /** QoS 2 items in progress, by packet id. */
  readonly #outgoing = new Map<number, QueuedMessage>();
  /** Retained messages that subscriptions queued, in order. */
  readonly #retainedItems = new Set<QueuedMessage>();
  #retainedBytes = 0;
  /** QoS 2 items without a packet id, in order. May contain removed items. */
  #waiting: QueuedMessage[] = [];
  #waitingHead = 0;
  /** Counter that increases with every change of the items. Not replicated. */
  revision = 0;
  nextNumber = 1;
  nextPacketId = outgoingPacketIdMin;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of memory of the items with their messages. */
  get memory(): number {
    return this.#memory;
  }

  get retainedItems(): ReadonlySet<QueuedMessage> {
    return this.#retainedItems;
  }

  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  append(
    body: MessageBody,
    qos: QoS,
    retain: boolean,
    ids?: readonly number[],
    group?: string,
    retainedIndex?: LogIndex,
  ): QueuedMessage {
    const item = new QueuedMessage(this.nextNumber++, body, qos, retain, ids, group, retainedIndex);
    this.#add(item);
    if (qos === 2) this.#waiting.push(item);
    return item;
  }

  /** Appends an item of a snapshot. Items must be appended in the order of their numbers. */
  restore(item: QueuedMessage): void {
    this.#add(item);
    if (item.packetId !== 0) this.#outgoing.set(item.packetId, item);
    else if (item.qos === 2) this.#waiting.push(item);
  }

  remove(item: QueuedMessage): void {
    if (item.removed) return;
    item.removed = true;
    this.revision++;
    this.#items[this.#lowerBound(item.number)] = null;
    this.#size--;
    this.#bytes -= item.body.bytes;
    this.#memory -= queueItemBytes + item.body.memory;
    if (this.#retainedItems.delete(item)) this.#retainedBytes -= item.body.bytes;
    if (item.packetId !== 0) this.#outgoing.delete(item.packetId);
    while (this.#head < this.#items.length && this.#items[this.#head] === null) this.#head++;
    if (this.#items.length - this.#size > this.#size + removedSlotsMax) this.#compact();
    this.#skipRemovedWaiting();
  }

  markReceived(item: QueuedMessage): void {
    item.received = true;
    this.revision++;
  }

  find(number: number): QueuedMessage | undefined {
    const slot = this.#lowerBound(number);
    return this.#numbers[slot] === number ? (this.#items[slot] ?? undefined) : undefined;
  }

  outgoing(packetId: number): QueuedMessage | undefined {
    return this.#outgoing.get(packetId);
  }

  /** Returns the first item that is not a QoS 2 exchange in progress. */
  oldestDroppable(): QueuedMessage | undefined {
    for (let slot = this.#head; slot < this.#items.length; slot++) {
      const item = this.#items[slot];
      if (item && item.packetId === 0) return item;
    }
    return undefined;
  }

  /**
   * Assigns packet ids to waiting QoS 2 items, in order, while the window has room.
   * @returns whether an item got a packet id
   */
  fillWindow(receiveMaximum: number): boolean {
    const limit = Math.min(receiveMaximum, outgoingWindowMax);
    let filled = false;
    while (this.#outgoing.size < limit) {
      this.#skipRemovedWaiting();
      const item = this.#waiting[this.#waitingHead];
      if (!item) break;
      this.#waitingHead++;
      item.packetId = this.#takePacketId();
      this.#outgoing.set(item.packetId, item);
      filled = true;
      this.revision++;
    }
    return filled;
  }

  /** Yields the items whose number is at least `number`, in order. */
  *from(number: number): IterableIterator<QueuedMessage> {
    for (let slot = Math.max(this.#head, this.#lowerBound(number)); slot < this.#items.length; slot++) {
      const item = this.#items[slot];
      if (item) yield item;
    }
  }

  #add(item: QueuedMessage): void {
    this.revision++;
    this.#numbers.push(item.number);
    this.#items.push(item);
    this.#size++;
    this.#bytes += item.body.bytes;
    this.#memory += queueItemBytes + item.body.memory;
    if (item.retainedIndex === 0) return;
    this.#retainedItems.add(item);
    this.#retainedBytes += item.body.bytes;
  }

  /**
   * Returns the next free packet id after the last assigned packet id, so that a freed packet id is not
   * reused at once.
   */
  #takePacketId(): number {
    while (this.#outgoing.has(this.nextPacketId)) this.#advancePacketId();
    const packetId = this.nextPacketId;
    this.#advancePacketId();
    return packetId;
  }

  #advancePacketId(): void {
    this.nextPacketId =
      this.nextPacketId === outgoingPacketIdMax ? outgoingPacketIdMin : this.nextPacketId + 1;
  }

  /** Returns the first slot whose item number is at least `number`. */
  #lowerBound(number: number): number {
    let low = this.#head;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #skipRemovedWaiting(): void {
    while (this.#waiting[this.#waitingHead]?.removed) this.#waitingHead++;
    if (this.#waitingHead > removedSlotsMax && this.#waitingHead * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingHead);
      this.#waitingHead = 0;
    }
  }

  #compact(): void {
    const kept = this.#items.filter((item) => item !== null);
    this.#items = kept;
    this.#numbers = kept.map((item) => item.number);
    this.#head = 0;
  }
}
