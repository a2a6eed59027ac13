import type { LogIndex, Message, QoS } from '@mqtt-cluster/contracts';
import type { QueueItem } from '../types.ts';

export type Origin = NonNullable<QueueItem['origin']>;

/** A kept message, counted once however many sessions queue it. */
export interface Body {
  readonly message: Message;
  readonly origin: Origin | undefined;
  /** Payload and topic. */
  readonly bytes: number;
  references: number;
}

/** The cluster's half of the packet ids; a home uses the lower one for what it sends on its own. */
export const outgoingPacketIdMin = 32_768;
export const outgoingPacketIdMax = 65_535;
/** QoS 2 exchanges of one session under way, whatever its client would take. */
export const outgoingWindowMax = 100;
/** Removed places that may lie around in a queue before it is packed again. */
const removedSlack = 32;

export function isOutgoingPacketId(packetId: number): boolean {
  return packetId >= outgoingPacketIdMin && packetId <= outgoingPacketIdMax;
}

export class QueueEntry implements QueueItem {
  readonly number: number;
  readonly body: Body;
  readonly message: Message;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers?: readonly number[];
  readonly group?: string;
  readonly origin?: Origin;
  /** Of the log, where what a subscription was shown had been retained; 0 for what was published to it. */
  readonly retainedIndex: LogIndex;
  packetId = 0;
  received = false;
  removed = false;

  constructor(
    number: number,
    body: Body,
    qos: QoS,
    retain: boolean,
    ids?: readonly number[],
    group?: string,
    retainedIndex: LogIndex = 0,
  ) {
    this.retainedIndex = retainedIndex;
    this.number = number;
    this.body = body;
    this.message = body.message;
    this.qos = qos;
    this.retain = retain;
    if (ids !== undefined) this.subscriptionIdentifiers = ids;
    if (group !== undefined) this.group = group;
    if (body.origin !== undefined) this.origin = body.origin;
  }
}

/**
 * One session's items in the order of the log. Places of removed ones stay until enough have gathered, so
 * that removing from the middle costs constant time on average; an item is found by bisection.
 */
export class SessionQueue {
  /** Numbers of `#entries`, also of removed ones (null there). */
  #numbers: number[] = [];
  #entries: (QueueEntry | null)[] = [];
  /** Everything before is removed. */
  #head = 0;
  #size = 0;
  #bytes = 0;
  readonly #outgoing = new Map<number, QueueEntry>();
  /** What subscriptions were shown, in order. */
  readonly #shown = new Set<QueueEntry>();
  #shownBytes = 0;
  /** QoS 2 items that have no packet id yet, in order; removed ones are skipped. */
  #waiting: QueueEntry[] = [];
  #waitingHead = 0;
  /** Rises with every change of the items; not replicated. */
  revision = 0;
  nextNumber = 1;
  nextPacketId = outgoingPacketIdMin;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get shown(): ReadonlySet<QueueEntry> {
    return this.#shown;
  }

  get shownBytes(): number {
    return this.#shownBytes;
  }

  get outgoingCount(): number {
    return this.#outgoing.size;
  }

  append(
    body: Body,
    qos: QoS,
    retain: boolean,
    ids?: readonly number[],
    group?: string,
    retainedIndex?: LogIndex,
  ): QueueEntry {
    const entry = new QueueEntry(this.nextNumber++, body, qos, retain, ids, group, retainedIndex);
    this.#add(entry);
    if (qos === 2) this.#waiting.push(entry);
    return entry;
  }

  /** Puts back an item of a snapshot, in order. */
  restore(entry: QueueEntry): void {
    this.#add(entry);
    if (entry.packetId !== 0) this.#outgoing.set(entry.packetId, entry);
    else if (entry.qos === 2) this.#waiting.push(entry);
  }

  remove(entry: QueueEntry): void {
    if (entry.removed) return;
    entry.removed = true;
    this.revision++;
    this.#entries[this.#place(entry.number)] = null;
    this.#size--;
    this.#bytes -= entry.body.bytes;
    if (this.#shown.delete(entry)) this.#shownBytes -= entry.body.bytes;
    if (entry.packetId !== 0) this.#outgoing.delete(entry.packetId);
    while (this.#head < this.#entries.length && this.#entries[this.#head] === null) this.#head++;
    if (this.#entries.length - this.#size > this.#size + removedSlack) this.#pack();
    this.#passWaiting();
  }

  markReceived(entry: QueueEntry): void {
    entry.received = true;
    this.revision++;
  }

  find(number: number): QueueEntry | undefined {
    const place = this.#place(number);
    return this.#numbers[place] === number ? (this.#entries[place] ?? undefined) : undefined;
  }

  outgoing(packetId: number): QueueEntry | undefined {
    return this.#outgoing.get(packetId);
  }

  /** The first item that is not a QoS 2 exchange under way. */
  oldestDroppable(): QueueEntry | undefined {
    for (let place = this.#head; place < this.#entries.length; place++) {
      const entry = this.#entries[place];
      if (entry && entry.packetId === 0) return entry;
    }
    return undefined;
  }

  /** Gives packet ids to waiting QoS 2 items, in order, while the window has room. @returns whether any got one. */
  fillWindow(receiveMaximum: number): boolean {
    const limit = Math.min(receiveMaximum, outgoingWindowMax);
    let filled = false;
    while (this.#outgoing.size < limit) {
      this.#passWaiting();
      const entry = this.#waiting[this.#waitingHead];
      if (!entry) break;
      this.#waitingHead++;
      entry.packetId = this.#takePacketId();
      this.#outgoing.set(entry.packetId, entry);
      filled = true;
      this.revision++;
    }
    return filled;
  }

  *from(number: number): IterableIterator<QueueEntry> {
    for (let place = Math.max(this.#head, this.#place(number)); place < this.#entries.length; place++) {
      const entry = this.#entries[place];
      if (entry) yield entry;
    }
  }

  #add(entry: QueueEntry): void {
    this.revision++;
    this.#numbers.push(entry.number);
    this.#entries.push(entry);
    this.#size++;
    this.#bytes += entry.body.bytes;
    if (entry.retainedIndex === 0) return;
    this.#shown.add(entry);
    this.#shownBytes += entry.body.bytes;
  }

  /** The next free one above the last one given, so that one just freed is not used again at once. */
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

  /** The first place whose number is at least `number`. */
  #place(number: number): number {
    let low = this.#head;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #passWaiting(): void {
    while (this.#waiting[this.#waitingHead]?.removed) this.#waitingHead++;
    if (this.#waitingHead > removedSlack && this.#waitingHead * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#waitingHead);
      this.#waitingHead = 0;
    }
  }

  #pack(): void {
    const kept = this.#entries.filter((entry) => entry !== null);
    this.#entries = kept;
    this.#numbers = kept.map((entry) => entry.number);
    this.#head = 0;
  }
}
