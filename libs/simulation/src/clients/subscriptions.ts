import type { Subscription } from '@mqtt-cluster/contracts';
import type { History, SessionRecord } from '../history/history.ts';
import type { Wire } from './client-connection.ts';

const packetIdMin = 1_000;
const packetIdMax = 60_000;

interface Pending {
  readonly subscriptions: readonly Subscription[];
  readonly sentAtMs: number;
}

/** The subscribing half of a client: what it wants, what it has asked for, and what it was granted. */
export class Subscriptions {
  readonly #client: string;
  readonly #history: History;
  /** By filter. */
  readonly #wishes = new Map<string, Subscription>();
  readonly #pendingSubscribes = new Map<number, Pending>();
  readonly #pendingUnsubscribes = new Set<number>();
  #wire: Wire | null = null;
  #session: SessionRecord | null = null;
  #nextPacketId = packetIdMin;

  constructor(client: string, history: History, wishes: readonly Subscription[]) {
    this.#client = client;
    this.#history = history;
    for (const subscription of wishes) this.#wishes.set(subscription.filter, subscription);
  }

  /** Nothing is under way. */
  get isSettled(): boolean {
    return this.#pendingSubscribes.size === 0 && this.#pendingUnsubscribes.size === 0;
  }

  wants(filter: string): boolean {
    return this.#wishes.has(filter);
  }

  /** Asks for what its session does not have yet. */
  resume(wire: Wire, session: SessionRecord): void {
    this.#wire = wire;
    this.#session = session;
    const missing = [...this.#wishes.values()].filter(({ filter }) => !this.#isSubscribed(filter));
    if (missing.length > 0) this.#send(wire, missing);
  }

  suspend(): void {
    this.#wire = null;
    this.#session = null;
    this.#pendingSubscribes.clear();
    this.#pendingUnsubscribes.clear();
  }

  subscribe(subscription: Subscription): void {
    this.#wishes.set(subscription.filter, subscription);
    if (this.#wire !== null) this.#send(this.#wire, [subscription]);
  }

  unsubscribe(filter: string): void {
    this.#wishes.delete(filter);
    const wire = this.#wire;
    if (wire === null) return;
    for (const record of this.#session?.subscriptions ?? []) {
      if (record.subscription.filter === filter) record.unsubscribedAtMs ??= this.#history.nowMs;
    }
    const packetId = this.#takePacketId();
    this.#pendingUnsubscribes.add(packetId);
    wire.toHost({ kind: 'unsubscribe', packetId, filters: [filter] });
  }

  suback(packetId: number, codes: readonly number[]): void {
    const history = this.#history;
    const pending = this.#pendingSubscribes.get(packetId);
    const wire = this.#wire;
    this.#pendingSubscribes.delete(packetId);
    if (wire === null || pending === undefined || codes.length !== pending.subscriptions.length) {
      const client = this.#client;
      history.violate({ promise: 'MQTT', client, text: `${client} got a SUBACK that does not fit` });
      return;
    }
    const { subscriptions, sentAtMs } = pending;
    history.note(
      () => `${this.#client} <- ${wire.host.id} SUBACK ${subscriptions.map((one) => one.filter).join(' ')}`,
    );
    for (const [place, subscription] of subscriptions.entries()) {
      const granted = codes[place] ?? 0x80;
      this.#session?.subscriptions.push({
        subscription,
        connection: wire.id,
        sentAtMs,
        ackedAtMs: granted < 0x80 ? history.nowMs : null,
        granted,
        unsubscribedAtMs: null,
      });
    }
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

  #send(wire: Wire, subscriptions: readonly Subscription[]): void {
    const packetId = this.#takePacketId();
    this.#pendingSubscribes.set(packetId, { subscriptions, sentAtMs: this.#history.nowMs });
    wire.toHost({ kind: 'subscribe', packetId, subscriptions });
  }

  #takePacketId(): number {
    this.#nextPacketId = this.#nextPacketId >= packetIdMax ? packetIdMin : this.#nextPacketId + 1;
    return this.#nextPacketId;
  }
}
