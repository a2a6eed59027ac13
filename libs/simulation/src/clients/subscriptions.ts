import type { Subscription } from '@mqtt-cluster/contracts';
import type { History, SessionRecord } from '../history/history.ts';
import type { ClientConnection } from './client-connection.ts';

const packetIdMin = 1_000;
const packetIdMax = 60_000;
/** Code of a SUBACK that refuses a filter. */
const refused = 0x80;

interface Pending {
  readonly subscriptions: readonly Subscription[];
  readonly sentAtMs: number;
}

/**
 * Subscriptions of a client: the wanted subscriptions, the pending requests, and the granted subscriptions.
 */
export class Subscriptions {
  readonly #client: string;
  readonly #history: History;
  /** Wanted subscriptions by filter. */
  readonly #wanted = new Map<string, Subscription>();
  readonly #pendingSubscribes = new Map<number, Pending>();
  readonly #pendingUnsubscribes = new Set<number>();
  /** The time of the last UNSUBSCRIBE by filter. */
  readonly #unsubscribedAtMs = new Map<string, number>();
  #connection: ClientConnection | null = null;
  #session: SessionRecord | null = null;
  #nextPacketId = packetIdMin;

  constructor(client: string, history: History, subscriptions: readonly Subscription[]) {
    this.#client = client;
    this.#history = history;
    for (const subscription of subscriptions) this.#wanted.set(subscription.filter, subscription);
  }

  /** Whether every SUBSCRIBE and UNSUBSCRIBE is acknowledged. */
  get isIdle(): boolean {
    return this.#pendingSubscribes.size === 0 && this.#pendingUnsubscribes.size === 0;
  }

  wants(filter: string): boolean {
    return this.#wanted.has(filter);
  }

  /** Subscribes to the wanted filters that the session does not have. */
  resume(connection: ClientConnection, session: SessionRecord): void {
    this.#connection = connection;
    this.#session = session;
    const missing = [...this.#wanted.values()].filter(({ filter }) => !this.#isSubscribed(filter));
    if (missing.length > 0) this.#send(connection, missing);
  }

  suspend(): void {
    // The member may have applied a SUBSCRIBE whose SUBACK is lost.
    for (const { subscriptions, sentAtMs } of this.#pendingSubscribes.values()) {
      for (const subscription of subscriptions) this.#record(subscription, sentAtMs, refused);
    }
    this.#connection = null;
    this.#session = null;
    this.#pendingSubscribes.clear();
    this.#pendingUnsubscribes.clear();
  }

  subscribe(subscription: Subscription): void {
    this.#wanted.set(subscription.filter, subscription);
    if (this.#connection !== null) this.#send(this.#connection, [subscription]);
  }

  unsubscribe(filter: string): void {
    this.#wanted.delete(filter);
    const connection = this.#connection;
    if (connection === null) return;
    this.#unsubscribedAtMs.set(filter, this.#history.nowMs);
    for (const record of this.#session?.subscriptions ?? []) {
      if (record.subscription.filter === filter) record.unsubscribedAtMs ??= this.#history.nowMs;
    }
    const packetId = this.#takePacketId();
    this.#pendingUnsubscribes.add(packetId);
    connection.toHost({ kind: 'unsubscribe', packetId, filters: [filter] });
  }

  suback(packetId: number, codes: readonly number[]): void {
    const history = this.#history;
    const pending = this.#pendingSubscribes.get(packetId);
    const connection = this.#connection;
    this.#pendingSubscribes.delete(packetId);
    if (connection === null || pending === undefined || codes.length !== pending.subscriptions.length) {
      const client = this.#client;
      history.reportViolation({
        promise: 'MQTT',
        client,
        text: `${client} received a SUBACK without a matching SUBSCRIBE`,
      });
      return;
    }
    const { subscriptions, sentAtMs } = pending;
    history.log(
      () =>
        `${this.#client} <- ${connection.host.id} SUBACK ${subscriptions.map((one) => one.filter).join(' ')}`,
    );
    for (const [place, subscription] of subscriptions.entries()) {
      this.#record(subscription, sentAtMs, codes[place] ?? refused);
    }
  }

  #record(subscription: Subscription, sentAtMs: number, granted: number): void {
    if (this.#connection === null) return;
    // The client may have sent UNSUBSCRIBE before it received the SUBACK.
    const unsubscribedAtMs = this.#unsubscribedAtMs.get(subscription.filter) ?? -Infinity;
    this.#session?.subscriptions.push({
      subscription,
      connection: this.#connection.id,
      sentAtMs,
      ackedAtMs: granted < refused ? this.#history.nowMs : null,
      granted,
      unsubscribedAtMs: unsubscribedAtMs > sentAtMs ? unsubscribedAtMs : null,
    });
  }

  unsuback(packetId: number): void {
    this.#pendingUnsubscribes.delete(packetId);
  }

  #isSubscribed(filter: string): boolean {
    return (this.#session?.subscriptions ?? []).some(
      (record) =>
        record.subscription.filter === filter &&
        record.ackedAtMs !== null &&
        record.unsubscribedAtMs === null,
    );
  }

  #send(connection: ClientConnection, subscriptions: readonly Subscription[]): void {
    const packetId = this.#takePacketId();
    this.#pendingSubscribes.set(packetId, { subscriptions, sentAtMs: this.#history.nowMs });
    connection.toHost({ kind: 'subscribe', packetId, subscriptions });
  }

  #takePacketId(): number {
    this.#nextPacketId = this.#nextPacketId >= packetIdMax ? packetIdMin : this.#nextPacketId + 1;
    return this.#nextPacketId;
  }
}
