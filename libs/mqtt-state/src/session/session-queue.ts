import type { LogIndex, QoS } from '@mqtt-cluster/contracts';
import type { BodyId } from '../bodies/body-content.ts';
import type { MessageBodies } from '../bodies/message-bodies.ts';
import { queueItemBytes } from '../bounds/sizes.ts';
import { ItemRoutes, plainRoute } from './item-routes.ts';
import { outgoingPacketIdMax, outgoingPacketIdMin, QueuedMessage } from './queued-message.ts';
import type { ItemFields } from './queued-message.ts';

/** Bound on a session's QoS 2 exchanges in progress, also if the client's Receive Maximum is larger. */
const outgoingWindowMax = 100;
/** A queue is compacted when its empty slots outnumber its items by more than this. */
const removedSlotsMax = 32;
/** The body of an empty slot. */
const noBody = -1;

// The flags of an item: QoS (bits 0 and 1), RETAIN (2), PUBREC received (3), and from bit 4 on its route.
const retainFlag = 4;
const receivedFlag = 8;
const routeShift = 4;

/** Routes without an item are dropped at a compaction when there are more than this number of routes beyond the items. */
const unusedRoutesMax = 64;

/**
 * The queue of one session, in the order of the log. Each item is a slot: a number, a message and flags, without an object,
 * because absent sessions can have millions of items. A removed item leaves an empty slot, and the queue is
 * compacted when enough slots are empty. So a removal from the middle costs amortised constant time. Items
 * are found by binary search.
 */
export class SessionQueue {
  readonly #bodies: MessageBodies;
  /** The item number of each slot, including the slots of removed items. */
  #numbers: number[] = [];
  /** The message of each slot, or {@link noBody}. */
  #slotBodies: BodyId[] = [];
  #flags: number[] = [];
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
  /** Null while all items have the plain route. */
  #routes: ItemRoutes | null = null;
  /** The numbers of QoS 2 items in progress, by packet id, and the reverse. */
  readonly #outgoing = new Map<number, number>();
  #packetIds: Map<number, number> | null = null;
  /** Retained messages that subscriptions queued, in order: number, and log index of the retained message. */
  readonly #retained = new Map<number, LogIndex>();
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
    return this.#retained.size;
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
    return this.#numbers[slot] === number && this.#slotBodies[slot] !== noBody;
  }

  /** Removes an item. @returns its message, or null if the queue does not have the item */
  remove(number: number): BodyId | null {
    const slot = this.#lowerBound(number);
    const body = this.#numbers[slot] === number ? this.#slotBodies[slot]! : noBody;
    if (body === noBody) return null;
    this.revision++;
    this.#slotBodies[slot] = noBody;
    this.#size--;
    const bytes = this.#bodies.bytesOf(body);
    this.#bytes -= bytes;
    this.#memory -= queueItemBytes + this.#bodies.memoryOf(body);
    if (this.#retained.delete(number)) this.#retainedBytes -= bytes;
    const packetId = this.#packetIds?.get(number);
    if (packetId !== undefined) {
      this.#packetIds?.delete(number);
      this.#outgoing.delete(packetId);
    }
    while (this.#head < this.#slotBodies.length && this.#slotBodies[this.#head] === noBody) this.#head++;
    if (this.#slotBodies.length - this.#size > this.#size + removedSlotsMax) this.#compact();
    this.#skipRemovedWaiting();
    return body;
  }

  markReceived(number: number): void {
    const slot = this.#lowerBound(number);
    if (this.#numbers[slot] !== number) return;
    this.#flags[slot]! |= receivedFlag;
    this.revision++;
  }

  find(number: number): QueuedMessage | undefined {
    const slot = this.#lowerBound(number);
    return this.#numbers[slot] === number && this.#slotBodies[slot] !== noBody ? this.#item(slot) : undefined;
  }

  outgoing(packetId: number): QueuedMessage | undefined {
    const number = this.#outgoing.get(packetId);
    return number === undefined ? undefined : this.find(number);
  }

  /** Returns the packet id of an item, or 0. */
  packetIdOf(number: number): number {
    return this.#packetIds?.get(number) ?? 0;
  }

  /** Returns the first item that is not a QoS 2 exchange in progress. */
  oldestDroppable(): QueuedMessage | undefined {
    const end = this.#slotBodies.length;
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
    for (let slot = Math.max(this.#head, this.#lowerBound(number)); slot < this.#slotBodies.length; slot++) {
      if (this.#slotBodies[slot] !== noBody) yield this.#item(slot);
    }
  }

  /** Returns the numbers of the items of shared subscriptions, in order. @param wanted selects them by their filter */
  numbersWithGroup(wanted: (sharedFilter: string) => boolean): number[] {
    const isWanted = this.#routes?.ofGroups(wanted) ?? [];
    if (!isWanted.includes(true)) return [];
    return this.#numbers.filter(
      (_, slot) => this.#slotBodies[slot] !== noBody && isWanted[this.#flags[slot]! >>> routeShift],
    );
  }

  /** Returns the numbers of all items, in order. */
  numbers(): number[] {
    return this.#numbers.filter((_, slot) => this.#slotBodies[slot] !== noBody);
  }

  /** Visits all items, in order. The visit must not remove items. */
  visit(visit: (number: number, body: BodyId) => void): void {
    for (let slot = this.#head; slot < this.#slotBodies.length; slot++) {
      const body = this.#slotBodies[slot]!;
      if (body !== noBody) visit(this.#numbers[slot]!, body);
    }
  }

  /** Yields the items at some positions of the queue, in order. */
  *at(from: number, to: number): IterableIterator<QueuedMessage> {
    let position = 0;
    for (let slot = this.#head; slot < this.#slotBodies.length && position < to; slot++) {
      if (this.#slotBodies[slot] === noBody) continue;
      if (position >= from) yield this.#item(slot);
      position++;
    }
  }

  /** Returns the retained messages that subscriptions queued, in order. */
  retainedItems(): QueuedMessage[] {
    return [...this.#retained.keys()].flatMap((number) => this.find(number) ?? []);
  }

  #isDroppable(slot: number): boolean {
    return this.#slotBodies[slot] !== noBody && this.packetIdOf(this.#numbers[slot]!) === 0;
  }

  #item(slot: number): QueuedMessage {
    const number = this.#numbers[slot]!;
    const flags = this.#flags[slot]!;
    const fields = {
      ...this.#routes?.route(flags >>> routeShift),
      qos: (flags & 3) as QoS,
      retain: (flags & retainFlag) !== 0,
      retainedIndex: this.#retained.get(number) ?? 0,
    };
    const received = (flags & receivedFlag) !== 0;
    return new QueuedMessage(
      this.#bodies,
      number,
      this.#slotBodies[slot]!,
      fields,
      this.packetIdOf(number),
      received,
    );
  }

  #add(number: number, body: BodyId, fields: ItemFields, received: boolean): void {
    const { qos, retain, retainedIndex } = fields;
    this.revision++;
    this.#numbers.push(number);
    this.#slotBodies.push(body);
    if (fields.subscriptionIdentifiers !== undefined || fields.group !== undefined)
      this.#routes ??= new ItemRoutes();
    const route = this.#routes?.numberOf(fields) ?? plainRoute;
    this.#flags.push(qos | (retain ? retainFlag : 0) | (received ? receivedFlag : 0) | (route << routeShift));
    this.#size++;
    const bytes = this.#bodies.bytesOf(body);
    this.#bytes += bytes;
    this.#memory += queueItemBytes + this.#bodies.memoryOf(body);
    if (retainedIndex === 0) return;
    this.#retained.set(number, retainedIndex);
    this.#retainedBytes += bytes;
  }

  #assign(number: number, packetId: number): void {
    this.#outgoing.set(packetId, number);
    (this.#packetIds ??= new Map()).set(number, packetId);
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
    while (this.#waitingHead < this.#waiting.length && !this.has(this.#waiting[this.#waitingHead]!))
      this.#waitingHead++;
    if (this.#waitingHead > removedSlotsMax && this.#waitingHead * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingHead);
      this.#waitingHead = 0;
    }
  }

  #compact(): void {
    const isKept = (_: number, slot: number): boolean => this.#slotBodies[slot] !== noBody;
    this.#numbers = this.#numbers.filter(isKept);
    this.#flags = this.#flags.filter(isKept);
    this.#slotBodies = this.#slotBodies.filter((body) => body !== noBody);
    this.#head = 0;
    this.#droppable = 0;
    if (this.#routes !== null && this.#routes.size > this.#size + unusedRoutesMax) this.#dropUnusedRoutes();
  }

  #dropUnusedRoutes(): void {
    const former = this.#routes;
    const routes = new ItemRoutes();
    this.#routes = routes;
    this.#flags = this.#flags.map((flags) => {
      const number = routes.numberOf(former?.route(flags >>> routeShift) ?? {});
      return (flags & (2 ** routeShift - 1)) | (number << routeShift);
    });
  }
}
