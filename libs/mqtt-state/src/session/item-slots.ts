import type { LogIndex, QoS } from '@mqtt-cluster/contracts';
import type { BodyId } from '../bodies/body-content.ts';
import { ItemRoutes, plainRoute } from './item-routes.ts';
import type { ItemFields, StoredItem } from './queued-message.ts';

/** The body of an empty slot. */
export const noBody = -1;

// The flags of an item: QoS (bits 0 and 1), RETAIN (2), PUBREC received (3), and from bit 4 on its route.
const retainFlag = 4;
const receivedFlag = 8;
const routeShift = 4;

/** Routes without an item are dropped at a compaction when there are more than this number of routes beyond the items. */
const unusedRoutesMax = 64;

/**
 * The items of one queue in slots, in order: a number, a message and flags, without an object, because absent sessions can
 * have millions of items.
 */
export class ItemSlots {
  /** The item number of each slot, including the slots of removed items. */
  numbers: number[] = [];
  /** The message of each slot, or {@link noBody}. */
  bodies: BodyId[] = [];
  #flags: number[] = [];
  /** Null while all items have the plain route. */
  #routes: ItemRoutes | null = null;
  /** The packet ids of QoS 2 items in progress, by number. */
  packetIds: Map<number, number> | null = null;
  /** Retained messages that subscriptions queued, in order: number, and log index of the retained message. */
  retained: Map<number, LogIndex> | null = null;

  /** Number of the slots. */
  get length(): number {
    return this.bodies.length;
  }

  add(number: number, body: BodyId, fields: ItemFields, received: boolean): void {
    const { qos, retain, retainedIndex } = fields;
    this.numbers.push(number);
    this.bodies.push(body);
    if (fields.subscriptionIdentifiers !== undefined || fields.group !== undefined)
      this.#routes ??= new ItemRoutes();
    const route = this.#routes?.numberOf(fields) ?? plainRoute;
    this.#flags.push(qos | (retain ? retainFlag : 0) | (received ? receivedFlag : 0) | (route << routeShift));
    if (retainedIndex !== 0) (this.retained ??= new Map()).set(number, retainedIndex);
  }

  markReceived(slot: number): void {
    this.#flags[slot]! |= receivedFlag;
  }

  item(slot: number): StoredItem {
    const number = this.numbers[slot]!;
    const flags = this.#flags[slot]!;
    const route = this.#routes?.route(flags >>> routeShift);
    return {
      subscriptionIdentifiers: route?.subscriptionIdentifiers,
      group: route?.group,
      number,
      body: this.bodies[slot]!,
      qos: (flags & 3) as QoS,
      retain: (flags & retainFlag) !== 0,
      retainedIndex: this.retained?.get(number) ?? 0,
      packetId: this.packetIds?.get(number) ?? 0,
      received: (flags & receivedFlag) !== 0,
    };
  }

  /** Yields the items, in order. */
  *items(): IterableIterator<StoredItem> {
    for (let slot = 0; slot < this.bodies.length; slot++)
      if (this.bodies[slot] !== noBody) yield this.item(slot);
  }

  /** Returns the numbers of the items of shared subscriptions, in order. @param wanted selects them by their filter */
  numbersWithGroup(wanted: (sharedFilter: string) => boolean): number[] {
    const isWanted = this.#routes?.ofGroups(wanted) ?? [];
    if (!isWanted.includes(true)) return [];
    return this.numbers.filter(
      (_, slot) => this.bodies[slot] !== noBody && isWanted[this.#flags[slot]! >>> routeShift],
    );
  }

  /** Returns the slots as they are now. Later changes do not show. @param head the first slot that is copied */
  copy(head: number): ItemSlots {
    const copy = new ItemSlots();
    copy.numbers = this.numbers.slice(head);
    copy.bodies = this.bodies.slice(head);
    copy.#flags = this.#flags.slice(head);
    // A queue only adds routes, or replaces all of them.
    copy.#routes = this.#routes;
    copy.packetIds = this.packetIds && new Map(this.packetIds);
    copy.retained = this.retained && new Map(this.retained);
    return copy;
  }

  /** Removes the empty slots. @param size the number of the items */
  compact(size: number): void {
    const isKept = (_: number, slot: number): boolean => this.bodies[slot] !== noBody;
    this.numbers = this.numbers.filter(isKept);
    this.#flags = this.#flags.filter(isKept);
    this.bodies = this.bodies.filter((body) => body !== noBody);
    if (this.#routes !== null && this.#routes.size > size + unusedRoutesMax) this.#dropUnusedRoutes();
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
