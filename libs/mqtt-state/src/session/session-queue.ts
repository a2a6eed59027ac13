import type { BodyId } from '../bodies/body-content.ts';
import type { MessageBodies } from '../bodies/message-bodies.ts';
import { queueItemBytes } from '../bounds/sizes.ts';
import { ItemSlots, noBody } from './item-slots.ts';
import { outgoingPacketIdMax, outgoingPacketIdMin, QueuedMessage } from './queued-message.ts';
import type { ItemFields } from './queued-message.ts';

/** Bound on a session's QoS 2 exchanges in progress, also if the client's Receive Maximum is larger. */
const outgoingWindowMax = 100;
/** A queue is compacted when its empty slots outnumber its items by more than this. */
const removedSlotsMax = 32;

/**
 * The queue of one session, in the order of the log. Each item is a slot. A removed item leaves an empty slot, and the queue
 * is compacted when enough slots are empty. So a removal from the middle costs amortised constant time. Items are found by
 * binary search.
 */
export class SessionQueue {
  readonly #bodies: MessageBodies;
  readonly #slots = new ItemSlots();
  /** All slots before this one are empty. */
  #head = 0;
  /**
   * No slot before this one has an item that can be dropped. An item keeps its packet id until it is removed, and items are
   * only appended, so such a slot never gets one.
   */
  #droppable = 0;
  #size = 0;
  #bytes = 0;
  #memory = 0;
  /** The numbers of QoS 2 items in progress, by packet id. */
  readonly #outgoing = new Map<number, number>();
  #retainedBytes = 0;
  /** The numbers of QoS 2 items without a packet id, in order. May contain removed items. */
  #waiting: number[] = [];
  #waitingHead = 0;
  /** Counter that increases with every change of the items. Not replicated. */
  revision = 0;
  nextNumber = 1;
  nextPacketId = outgoingPacketIdMin;

  constructor(bodies: MessageBodies) {
    this.#bodies = bodies;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of memory of the items with their messages, see `sizes.ts`. */
  get memory(): number {
    return this.#memory;
  }

  /** Number of the retained messages that subscriptions queued. */
  get retainedSize(): number {
    return this.#slots.retained?.size ?? 0;
  }

  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /** @returns the number of the item */
  append(body: BodyId, fields: ItemFields): number {
    const number = this.nextNumber++;
    this.#add(number, body, fields, false);
    if (fields.qos === 2) this.#waiting.push(number);
    return number;
  }

  /** Appends an item of a snapshot. Items must be appended in the order of their numbers. */
  restore(number: number, body: BodyId, fields: ItemFields, packetId: number, received: boolean): void {
    this.#add(number, body, fields, received);
    if (packetId !== 0) this.#assign(number, packetId);
    else if (fields.qos === 2) this.#waiting.push(number);
  }

  has(number: number): boolean {
    const slot = this.#lowerBound(number);
    return this.#slots.numbers[slot] === number && this.#slots.bodies[slot] !== noBody;
  }

  /** Removes an item. @returns its message, or null if the queue does not have the item */
  remove(number: number): BodyId | null {
    const slot = this.#lowerBound(number);
    const body = this.#slots.numbers[slot] === number ? this.#slots.bodies[slot]! : noBody;
    if (body === noBody) return null;
    this.revision++;
    this.#slots.bodies[slot] = noBody;
    this.#size--;
    const bytes = this.#bodies.bytesOf(body);
    this.#bytes -= bytes;
    this.#memory -= queueItemBytes + this.#bodies.memoryOf(body);
    if (this.#slots.retained?.delete(number)) this.#retainedBytes -= bytes;
    const packetId = this.#slots.packetIds?.get(number);
    if (packetId !== undefined) {
      this.#slots.packetIds?.delete(number);
      this.#outgoing.delete(packetId);
    }
    while (this.#head < this.#slots.length && this.#slots.bodies[this.#head] === noBody) this.#head++;
    if (this.#slots.length - this.#size > this.#size + removedSlotsMax) this.#compact();
    this.#skipRemovedWaiting();
    return body;
  }

  markReceived(number: number): void {
    const slot = this.#lowerBound(number);
    if (this.#slots.numbers[slot] !== number) return;
    this.#slots.markReceived(slot);
    this.revision++;
  }

  find(number: number): QueuedMessage | undefined {
    const slot = this.#lowerBound(number);
    return this.#slots.numbers[slot] === number && this.#slots.bodies[slot] !== noBody
      ? this.#item(slot)
      : undefined;
  }

  outgoing(packetId: number): QueuedMessage | undefined {
    const number = this.#outgoing.get(packetId);
    return number === undefined ? undefined : this.find(number);
  }

  /** Returns the packet id of an item, or 0. */
  packetIdOf(number: number): number {
    return this.#slots.packetIds?.get(number) ?? 0;
  }

  /** Returns the first item that is not a QoS 2 exchange in progress. */
  oldestDroppable(): QueuedMessage | undefined {
    const end = this.#slots.length;
    let slot = Math.max(this.#head, this.#droppable);
    while (slot < end && !this.#isDroppable(slot)) slot++;
    this.#droppable = slot;
    return slot < end ? this.#item(slot) : undefined;
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
      const number = this.#waiting[this.#waitingHead];
      if (number === undefined) break;
      this.#waitingHead++;
      this.#assign(number, this.#takePacketId());
      filled = true;
      this.revision++;
    }
    return filled;
  }

  /** Yields the items whose number is at least `number`, in order. */
  *from(number: number): IterableIterator<QueuedMessage> {
    for (let slot = Math.max(this.#head, this.#lowerBound(number)); slot < this.#slots.length; slot++) {
      if (this.#slots.bodies[slot] !== noBody) yield this.#item(slot);
    }
  }

  /** Returns the numbers of the items of shared subscriptions, in order. @param wanted selects them by their filter */
  numbersWithGroup(wanted: (sharedFilter: string) => boolean): number[] {
    return this.#slots.numbersWithGroup(wanted);
  }

  /** Returns the items as they are now. Later changes do not show. */
  copy(): ItemSlots {
    return this.#slots.copy(this.#head);
  }

  /** Returns the numbers of all items, in order. */
  numbers(): number[] {
    return this.#slots.numbers.filter((_, slot) => this.#slots.bodies[slot] !== noBody);
  }

  /** Visits all items, in order. The visit must not remove items. */
  visit(visit: (number: number, body: BodyId) => void): void {
    for (let slot = this.#head; slot < this.#slots.length; slot++) {
      const body = this.#slots.bodies[slot]!;
      if (body !== noBody) visit(this.#slots.numbers[slot]!, body);
    }
  }

  /** Yields the items at some positions of the queue, in order. */
  *at(from: number, to: number): IterableIterator<QueuedMessage> {
    let position = 0;
    for (let slot = this.#head; slot < this.#slots.length && position < to; slot++) {
      if (this.#slots.bodies[slot] === noBody) continue;
      if (position >= from) yield this.#item(slot);
      position++;
    }
  }

  /** Returns the retained messages that subscriptions queued, in order. */
  retainedItems(): QueuedMessage[] {
    return [...(this.#slots.retained?.keys() ?? [])].flatMap((number) => this.find(number) ?? []);
  }

  #isDroppable(slot: number): boolean {
    return this.#slots.bodies[slot] !== noBody && this.packetIdOf(this.#slots.numbers[slot]!) === 0;
  }

  #item(slot: number): QueuedMessage {
    return new QueuedMessage(this.#bodies, this.#slots.item(slot));
  }

  #add(number: number, body: BodyId, fields: ItemFields, received: boolean): void {
    this.revision++;
    this.#slots.add(number, body, fields, received);
    this.#size++;
    const bytes = this.#bodies.bytesOf(body);
    this.#bytes += bytes;
    this.#memory += queueItemBytes + this.#bodies.memoryOf(body);
    if (fields.retainedIndex !== 0) this.#retainedBytes += bytes;
  }

  #assign(number: number, packetId: number): void {
    this.#outgoing.set(packetId, number);
    (this.#slots.packetIds ??= new Map()).set(number, packetId);
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
    let high = this.#slots.numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#slots.numbers[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #skipRemovedWaiting(): void {
    while (this.#waitingHead < this.#waiting.length && !this.has(this.#waiting[this.#waitingHead]!))
      this.#waitingHead++;
    if (this.#waitingHead > removedSlotsMax && this.#waitingHead * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingHead);
      this.#waitingHead = 0;
    }
  }

  #compact(): void {
    this.#slots.compact(this.#size);
    this.#head = 0;
    this.#droppable = 0;
  }
}
