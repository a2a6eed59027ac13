import type { ISubscriptionGrant, MqttClient } from 'mqtt';
import type { ClientStoppedError } from '../errors.ts';
import { OptionsError, SubscriptionRefusedError } from '../errors.ts';
import { SubscriptionTable } from './subscription-table.ts';
import type { Subscriptions } from '../types.ts';

/** Upper bound of the calls of `subscribe` that wait for their SUBACK. */
const waitersMax = 1_000;
/** SUBACK reason codes from this value on are errors. */
const errorCodeMin = 0x80;

interface Waiter {
  readonly filters: ReadonlySet<string>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Sends SUBSCRIBE and UNSUBSCRIBE until the server has exactly the subscriptions of the client, on every connection. */
export class SubscriptionManager {
  readonly #client: MqttClient;
  readonly #always: readonly string[];
  readonly #table = new SubscriptionTable();
  /** Filters that the client has unsubscribed, but to which the server may still have a subscription. */
  readonly #toUnsubscribe = new Set<string>();
  /** Filters in a SUBSCRIBE without a SUBACK. */
  #pending = new Set<string>();
  #waiters: Waiter[] = [];
  #connected = false;

  constructor(client: MqttClient, always: readonly string[]) {
    this.#client = client;
    this.#always = always;
  }

  /** Returns whether a subscription of the client matches the topic. */
  isSubscribed(topic: string): boolean {
    return this.#table.matches(topic);
  }

  subscribe(subscriptions: Subscriptions): Promise<void> {
    if (this.#waiters.length >= waitersMax) {
      return Promise.reject(
        new OptionsError(`${waitersMax} calls of subscribe already wait for their SUBACK`),
      );
    }
    const filters = new Set(Object.keys(subscriptions));
    if (filters.size === 0) return Promise.resolve();
    for (const filter of filters) {
      this.#toUnsubscribe.delete(filter);
      this.#pending.delete(filter);
    }
    this.#table.add(subscriptions);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ filters, resolve, reject });
      this.#sendSubscribe();
    });
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    this.#table.remove(filters);
    for (const filter of filters) this.#toUnsubscribe.add(filter);
    return this.#connected ? this.#sendUnsubscribe() : Promise.resolve();
  }

  connected(sessionPresent: boolean): void {
    this.#connected = true;
    if (!sessionPresent) {
      this.#table.newSession();
      this.#toUnsubscribe.clear();
    }
    if (this.#toUnsubscribe.size > 0) void this.#sendUnsubscribe();
    this.#sendSubscribe();
    for (const filter of this.#always) this.#client.subscribe(filter, { qos: 0 }, () => undefined);
  }

  disconnected(): void {
    this.#connected = false;
    this.#pending.clear();
  }

  stop(error: ClientStoppedError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #sendSubscribe(): void {
    if (!this.#connected) return;
    const unacknowledged = Object.entries(this.#table.unacknowledged()).filter(
      ([filter]) => !this.#pending.has(filter),
    );
    if (unacknowledged.length === 0) return;
    const filters = unacknowledged.map(([filter]) => filter);
    const pending = this.#pending;
    for (const filter of filters) pending.add(filter);
    this.#client.subscribe(
      Object.fromEntries(unacknowledged.map(([filter, { qos }]) => [filter, { qos }])),
      (error, granted, packet) => {
        for (const filter of filters) pending.delete(filter);
        // Without a SUBACK the connection was lost. The filters are sent again on the next connection.
        if (error && !packet) return;
        this.#onSuback(filters, grantedCodes(granted, packet?.granted));
      },
    );
  }

  #onSuback(filters: readonly string[], codes: readonly number[]): void {
    const rejected = filters.filter((_filter, index) => (codes[index] ?? 0) >= errorCodeMin);
    const accepted = new Set(filters.filter((filter) => !rejected.includes(filter)));
    this.#table.remove(rejected);
    this.#table.acknowledge([...accepted]);
    const unacknowledged = new Set(Object.keys(this.#table.unacknowledged()));
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiters) {
      const rejectedOnes = rejected.filter((filter) => waiter.filters.has(filter));
      if (rejectedOnes.length > 0) waiter.reject(new SubscriptionRefusedError(rejectedOnes));
      else if ([...waiter.filters].some((filter) => unacknowledged.has(filter))) waiting.push(waiter);
      else waiter.resolve();
    }
    this.#waiters = waiting;
  }

  #sendUnsubscribe(): Promise<void> {
    const filters = [...this.#toUnsubscribe];
    return new Promise((resolve) => {
      this.#client.unsubscribe(filters, (error) => {
        if (!error) for (const filter of filters) this.#toUnsubscribe.delete(filter);
        resolve();
      });
    });
  }
}

function grantedCodes(subscribed: ISubscriptionGrant[] | undefined, codes: unknown): number[] {
  if (Array.isArray(codes)) return codes.map(Number);
  return (subscribed ?? []).map(({ qos }) => qos);
}
