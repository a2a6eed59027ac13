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
 *
 * With `onAccepted`, the connect sequence of a client ends here: its last call to the persistence, after the
 * authentication and before the registration, deletes an old will. The function is called and the call never returns, so
 * nothing of Aedes refers to the client any longer.
 */
export class EmptyPersistence {
  readonly #onAccepted: ((client: Identified) => void) | null;
  #broker: unknown = null;

  constructor(onAccepted: ((client: Identified) => void) | null = null) {
    this.#onAccepted = onAccepted;
  }

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

  delWill(client: Identified): Promise<undefined> {
    if (this.#onAccepted === null) return Promise.resolve(undefined);
    this.#onAccepted(client);
    return new Promise(() => undefined);
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
