import { groupStateTopic } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient, FailoverClientOptions } from '@mqtt-cluster/failover-client';
import { parseGroupState } from './group-state.ts';

export interface StandbyPublisherOptions {
  readonly group: string;
  readonly instance: string;
  readonly connection: Omit<FailoverClientOptions, 'clientId'>;
  readonly retainedWaitMsMax: number;
  readonly takeoverDelayMsMin: number;
  readonly takeoverDelayMsMax: number;
  readonly random: () => number;
  /** Called when the group had no active publisher for the whole delay. */
  readonly onVacant: () => void;
}

/** Watches the state of a group on a connection of its own until the group has no active publisher. */
export class StandbyPublisher {
  readonly #options: StandbyPublisherOptions;
  readonly #client: FailoverClient;
  #timer: NodeJS.Timeout | null = null;
  #active: string | null = null;

  constructor(options: StandbyPublisherOptions) {
    this.#options = options;
    const { group, instance } = options;
    this.#client = createFailoverClient({
      ...options.connection,
      clientId: `${group}-standby-${instance}`,
      session: 'none',
      subscriptions: { [groupStateTopic(group)]: { qos: 1 } },
      onMessage: ({ payload }) => this.#onState(parseGroupState(payload).active),
      // A new group has no retained state, so no message arrives.
      onConnect: () => this.#startTakeover(options.retainedWaitMsMax),
      // Without a connection the state of the group is unknown.
      onDisconnect: () => this.#cancelTakeover(),
    });
  }

  get active(): string | null {
    return this.#active;
  }

  get status(): ReturnType<FailoverClient['status']> {
    return this.#client.status();
  }

  start(): Promise<void> {
    return this.#client.start();
  }

  async stop(): Promise<void> {
    this.#cancelTakeover();
    await this.#client.stop();
  }

  #onState(active: string | null): void {
    this.#active = active;
    // If the state contains this publisher's own instance name, this publisher was the last active publisher
    // and lost its connection. This publisher then starts its takeover delay.
    if (active !== null && active !== this.#options.instance) this.#cancelTakeover();
    else this.#startTakeover(0);
  }

  /**
   * Starts the delay before this publisher becomes active. The delay is random, so that the standby
   * publishers do not become active all at once. Each new active publisher disconnects the former one.
   */
  #startTakeover(extraMs: number): void {
    this.#cancelTakeover();
    const { takeoverDelayMsMin, takeoverDelayMsMax, random, onVacant } = this.#options;
    const delayMs = takeoverDelayMsMin + random() * (takeoverDelayMsMax - takeoverDelayMsMin);
    this.#timer = setTimeout(onVacant, extraMs + delayMs);
  }

  #cancelTakeover(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
