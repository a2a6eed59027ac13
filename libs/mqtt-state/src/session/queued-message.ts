import type { LogIndex, Message, QoS } from '@mqtt-cluster/contracts';
import { messageBytes } from '../bounds/sizes.ts';
import type { Account } from '../bounds/account.ts';
import type { QueueItem } from '../types.ts';
import type { Deadline } from './deadline-heap.ts';

/** The publish command that a message came from. */
export type Origin = NonNullable<QueueItem['origin']>;

/** A message in memory. The state stores and counts the message once, also if many sessions queue it. */
export interface MessageBody {
  readonly message: Message;
  readonly origin: Origin | undefined;
  /** Bytes of payload and topic. */
  readonly bytes: number;
  /** Bytes of memory, see `messageBytes`. */
  readonly memory: number;
  /** Queue items that refer to the message. */
  references: number;
  /** Number of queue items by account, for the accounts of users. Derived; not encoded. */
  holders: Map<Account, number> | null;
}

export function createBody(message: Message, origin: Origin | undefined): MessageBody {
  return {
    message,
    origin,
    bytes: bodyBytes(message),
    memory: messageBytes(message),
    references: 0,
    holders: null,
  };
}

/** Returns the size of a message for the bounds of one queue: the bytes of its payload and topic. */
export function bodyBytes(message: Message): number {
  return message.payload.length + Buffer.byteLength(message.topic);
}

/**
 * Packet ids that the replicated state assigns. A home allocates packet ids below this range for the messages
 * of local queues and for QoS 1 messages.
 */
export const outgoingPacketIdMin = 32_768;
export const outgoingPacketIdMax = 65_535;

export function isOutgoingPacketId(packetId: number): boolean {
  return packetId >= outgoingPacketIdMin && packetId <= outgoingPacketIdMax;
}

/** One item of a session's queue. */
export class QueuedMessage implements QueueItem {
  readonly number: number;
  readonly body: MessageBody;
  readonly message: Message;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers?: readonly number[];
  readonly group?: string;
  readonly origin?: Origin;
  /**
   * Log index of the entry that set the retained message, for a retained message that a subscription queued.
   * Otherwise 0.
   */
  readonly retainedIndex: LogIndex;
  packetId = 0;
  received = false;
  removed = false;
  /** The entry in `StateData.queueExpiries`. Derived; not encoded. */
  expiry: Deadline | null = null;

  constructor(
    number: number,
    body: MessageBody,
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
