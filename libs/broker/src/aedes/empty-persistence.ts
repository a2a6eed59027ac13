import { Readable } from 'node:stream';

/** A subscription as Aedes' persistence interface names it. */
export interface StoredSubscription {
  readonly clientId?: string;
  readonly topic: string;
  readonly qos: number;
}

interface Identified {
  readonly id: string;
}

/**
 * The `persistence` given to Aedes. It holds nothing: sessions, subscriptions, queues, retained messages
 * and wills belong to the member, and the guard brings what concerns them there without a detour through
 * Aedes. What is left are the calls that Aedes makes on its own (clean-up at connect and close, its sweep
 * of wills): they find nothing, and never reject, because an unhandled rejection would end the process.
 */
export class EmptyPersistence {
  #broker: unknown = null;

  get broker(): unknown {
    return this.#broker;
  }

  async setup(broker: unknown): Promise<void> {
    this.#broker = broker;
  }

  async storeRetained(): Promise<void> {}

  createRetainedStream(): Readable {
    return Readable.from([]);
  }

  createRetainedStreamCombi(): Readable {
    return Readable.from([]);
  }

  async addSubscriptions(): Promise<void> {}

  async removeSubscriptions(): Promise<void> {}

  async subscriptionsByClient(): Promise<StoredSubscription[]> {
    return [];
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return { subsCount: 0, clientsCount: 0 };
  }

  async subscriptionsByTopic(): Promise<StoredSubscription[]> {
    return [];
  }

  async cleanSubscriptions(): Promise<void> {}

  async outgoingEnqueue(): Promise<void> {}

  async outgoingEnqueueCombi(): Promise<void> {}

  async outgoingUpdate(): Promise<void> {}

  async outgoingClearMessageId(): Promise<undefined> {
    return undefined;
  }

  outgoingStream(): Readable {
    return Readable.from([]);
  }

  async incomingStorePacket(): Promise<void> {}

  async incomingGetPacket(): Promise<undefined> {
    return undefined;
  }

  async incomingDelPacket(): Promise<void> {}

  async putWill(): Promise<void> {}

  async delWill(_client: Identified): Promise<undefined> {
    return undefined;
  }

  async getWill(): Promise<undefined> {
    return undefined;
  }

  streamWill(): Readable {
    return Readable.from([]);
  }

  getClientList(): Readable {
    return Readable.from([]);
  }

  async destroy(): Promise<void> {}
}
