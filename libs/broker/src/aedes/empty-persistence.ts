import { Readable } from 'node:stream';

/** A subscription in Aedes' persistence interface. */
interface StoredSubscription {
  readonly clientId?: string;
  readonly topic: string;
  readonly qos: number;
}

interface Identified {
  readonly id: string;
}

/**
 * The `persistence` of Aedes. It stores nothing: the member owns sessions, subscriptions, queues, retained
 * messages and wills, and the guard passes their packets to the member without Aedes. Aedes still calls its
 * persistence at connect, at close and in its sweep of wills. These calls return empty results and never
 * reject, because an unhandled rejection would end the process.
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
