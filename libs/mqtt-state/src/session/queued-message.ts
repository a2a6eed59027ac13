import type { LogIndex, Message, QoS } from '@mqtt-cluster/contracts';
import type { BodyId, Origin } from '../bodies/body-content.ts';
import type { MessageBodies } from '../bodies/message-bodies.ts';
import type { QueueItem } from '../types.ts';
import type { Route } from './item-routes.ts';

/**
 * Packet ids that the replicated state assigns. A home allocates packet ids below this range for the messages
 * of local queues and for QoS 1 messages.
 */
export const outgoingPacketIdMin = 32_768;
export const outgoingPacketIdMax = 65_535;

export function isOutgoingPacketId(packetId: number): boolean {
  return packetId >= outgoingPacketIdMin && packetId <= outgoingPacketIdMax;
}

/** What a queue holds of an item besides its message and its number. */
export interface ItemFields extends Route {
  readonly qos: QoS;
  readonly retain: boolean;
  /**
   * Log index of the entry that set the retained message, for a retained message that a subscription queued.
   * Otherwise 0.
   */
  readonly retainedIndex: LogIndex;
}

/** What a queue holds of an item. */
export interface StoredItem extends ItemFields {
  readonly number: number;
  readonly body: BodyId;
  /** Packet id of a QoS 2 exchange in progress, otherwise 0. */
  readonly packetId: number;
  /** True when PUBREC has been received. */
  readonly received: boolean;
}

/** One item of a session's queue, as it was when it was read. The queue holds no such objects. */
export class QueuedMessage implements QueueItem, StoredItem {
  readonly number: number;
  readonly body: BodyId;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers?: readonly number[];
  readonly group?: string;
  readonly retainedIndex: LogIndex;
  readonly packetId: number;
  readonly received: boolean;
  readonly #bodies: MessageBodies;
  readonly #generation: number;

  constructor(bodies: MessageBodies, item: StoredItem) {
    const { subscriptionIdentifiers, group } = item;
    this.number = item.number;
    this.body = item.body;
    this.qos = item.qos;
    this.retain = item.retain;
    if (subscriptionIdentifiers !== undefined) this.subscriptionIdentifiers = subscriptionIdentifiers;
    if (group !== undefined) this.group = group;
    this.retainedIndex = item.retainedIndex;
    this.packetId = item.packetId;
    this.received = item.received;
    this.#bodies = bodies;
    this.#generation = bodies.generationOf(item.body);
  }

  get message(): Message {
    this.#checkStored();
    return this.#bodies.message(this.body);
  }

  get expiresAt(): number {
    this.#checkStored();
    return this.#bodies.expiresAt(this.body);
  }

  get origin(): Origin | undefined {
    this.#checkStored();
    return this.#bodies.origin(this.body);
  }

  #checkStored(): void {
    if (this.#bodies.generationOf(this.body) !== this.#generation)
      throw new Error(`item ${this.number} has left its queue: a programming error`);
  }
}
