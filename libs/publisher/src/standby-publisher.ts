import { groupStateTopic } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient, FailoverClientOptions } from '@mqtt-cluster/failover-client';
import { parseGroupState } from './group-state.ts';

export interface StandbyOptions {
  readonly group: string;
  readonly instance: string;
  readonly connection: Omit<FailoverClientOptions, 'clientId'>;
  readonly retainedWaitMsMax: number;
  readonly takeoverDelayMsMin: number;
  readonly takeoverDelayMsMax: number;
  readonly random: () => number;
  /** The place was vacant for the whole delay. */
  readonly vacant: () => void;
}

/** Watches a group's state with a connection of its own, until the place is vacant. */
export class Standby {
  readonly #options: StandbyOptions;
  readonly #client: FailoverClient;
  #timer: NodeJS.Timeout | null = null;
  #active: string | null = null;

  constructor(options: StandbyOptions) {
    this.#options = options;
    const { group, instance } = options;
    this.#client = createFailoverClient({
      ...options.connection,
      clientId: `${group}-standby-${instance}`,
      session: 'none',
      subscriptions: { [groupStateTopic(group)]: { qos: 1 } },
      onMessage: ({ payload }) => this.#onState(parseGroupState(payload).active),
      // A group that never was has no state at all.
      onConnect: () => this.#contend(options.retainedWaitMsMax),
      // Unconnected we can't know.
      onDisconnect: () => this.#wait(),
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
    this.#wait();
    await this.#client.stop();
  }

  #onState(active: string | null): void {
    this.#active = active;
    // Our own name: we were active and lost the connection, and nobody else was since.
    if (active !== null && active !== this.#options.instance) this.#wait();
    else this.#contend(0);
  }

  /** Random, so that not all standbys connect at once; the last one would win, but each would disturb. */
  #contend(extraMs: number): void {
    this.#wait();
    const { takeoverDelayMsMin, takeoverDelayMsMax, random, vacant } = this.#options;
    const delayMs = takeoverDelayMsMin + random() * (takeoverDelayMsMax - takeoverDelayMsMin);
    this.#timer = setTimeout(vacant, extraMs + delayMs);
  }

  #wait(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
