import type { ISubscriptionGrant, MqttClient } from 'mqtt';
import type { ClientStoppedError } from '../errors.ts';
import { OptionsError, SubscriptionRefusedError } from '../errors.ts';
import { SubscriptionTable } from './subscription-table.ts';
import type { Subscriptions } from '../types.ts';

/** Calls of `subscribe` that wait for their SUBACK. */
const waitersMax = 1_000;
/** SUBACK codes from here on are refusals. */
const refusalCodeMin = 0x80;

interface Waiter {
  readonly filters: ReadonlySet<string>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Brings the server's subscriptions in line with what is wanted, on every connection. */
export class SubscriptionFlow {
  readonly #client: MqttClient;
  readonly #always: readonly string[];
  readonly #table = new SubscriptionTable();
  /** Given up, but the server may still have them. */
  readonly #unwanted = new Set<string>();
  #asked = new Set<string>();
  #waiters: Waiter[] = [];
  #up = false;

  constructor(client: MqttClient, always: readonly string[]) {
    this.#client = client;
    this.#always = always;
  }

  wants(topic: string): boolean {
    return this.#table.matches(topic);
  }

  subscribe(subscriptions: Subscriptions): Promise<void> {
    if (this.#waiters.length >= waitersMax) {
      return Promise.reject(new OptionsError(`${waitersMax} subscriptions already wait for their ack`));
    }
    const filters = new Set(Object.keys(subscriptions));
    if (filters.size === 0) return Promise.resolve();
    for (const filter of filters) {
      this.#unwanted.delete(filter);
      this.#asked.delete(filter);
    }
    this.#table.want(subscriptions);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ filters, resolve, reject });
      this.#ask();
    });
  }

  unsubscribe(filters: readonly string[]): Promise<void> {
    this.#table.forget(filters);
    for (const filter of filters) this.#unwanted.add(filter);
    return this.#up ? this.#askUnsubscribe() : Promise.resolve();
  }

  up(sessionPresent: boolean): void {
    this.#up = true;
    if (!sessionPresent) {
      this.#table.newSession();
      this.#unwanted.clear();
    }
    if (this.#unwanted.size > 0) void this.#askUnsubscribe();
    this.#ask();
    for (const filter of this.#always) this.#client.subscribe(filter, { qos: 0 }, () => undefined);
  }

  down(): void {
    this.#up = false;
    this.#asked.clear();
  }

  end(error: ClientStoppedError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #ask(): void {
    if (!this.#up) return;
    const missing = Object.entries(this.#table.missing()).filter(([filter]) => !this.#asked.has(filter));
    if (missing.length === 0) return;
    const filters = missing.map(([filter]) => filter);
    const asked = this.#asked;
    for (const filter of filters) asked.add(filter);
    this.#client.subscribe(
      Object.fromEntries(missing.map(([filter, { qos }]) => [filter, { qos }])),
      (error, granted, packet) => {
        for (const filter of filters) asked.delete(filter);
        // Without a SUBACK the connection is gone; the next one asks again.
        if (error && !packet) return;
        this.#answered(filters, grantedCodes(granted, packet?.granted));
      },
    );
  }

  #answered(filters: readonly string[], codes: readonly number[]): void {
    const refused = filters.filter((_filter, index) => (codes[index] ?? 0) >= refusalCodeMin);
    const accepted = new Set(filters.filter((filter) => !refused.includes(filter)));
    this.#table.forget(refused);
    this.#table.acknowledge([...accepted]);
    const missing = new Set(Object.keys(this.#table.missing()));
    const waiting: Waiter[] = [];
    for (const waiter of this.#waiters) {
      const refusedOnes = refused.filter((filter) => waiter.filters.has(filter));
      if (refusedOnes.length > 0) waiter.reject(new SubscriptionRefusedError(refusedOnes));
      else if ([...waiter.filters].some((filter) => missing.has(filter))) waiting.push(waiter);
      else waiter.resolve();
    }
    this.#waiters = waiting;
  }

  #askUnsubscribe(): Promise<void> {
    const filters = [...this.#unwanted];
    return new Promise((resolve) => {
      this.#client.unsubscribe(filters, (error) => {
        if (!error) for (const filter of filters) this.#unwanted.delete(filter);
        resolve();
      });
    });
  }
}

function grantedCodes(subscribed: ISubscriptionGrant[] | undefined, codes: unknown): number[] {
  if (Array.isArray(codes)) return codes.map(Number);
  return (subscribed ?? []).map(({ qos }) => qos);
}
