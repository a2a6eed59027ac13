import type { Incarnation, Message, MessagePages, StoreId } from '@mqtt-cluster/contracts';

/** The publish command that a message came from. */
export interface Origin {
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
  readonly sequence: number;
  readonly command: number;
}

/** Refers to a message in `MessageBodies`. It is valid until the end of the entry that removes its last queue item. */
export type BodyId = number;

export interface BodyContent {
  readonly message: Message;
  readonly origin: Origin | undefined;
}

/** Where messages go that do not fit into memory. */
export interface BodyCache {
  readonly pages: MessagePages;
  /** Upper bound of the messages in memory, in bytes of `messageBytes`. */
  readonly bytesMax: number;
}
