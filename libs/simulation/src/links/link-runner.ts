import type { ClientEffect, ClientId, Epoch, Subscription } from '@mqtt-cluster/contracts';
import type { ClientWorld } from '../clients/client.ts';
import type { Host } from '../world/host.ts';
import type { Random } from '../world/random.ts';
import { LocalConnection } from './local-connection.ts';
import type { FromSite, OtherSite, SiteConnection } from './other-site.ts';
import { OutgoingExchanges } from './outgoing-exchanges.ts';
import { aheadMax, newestMark, StreamProgress } from './stream-progress.ts';

/**
 * Client ids of the two sessions of the link, and the filter of the messages that it sends. No subscription of another client
 * matches its topics: a slow client with `#` would receive them long after the end of a run.
 */
export const outgoingClient = '$link/site';
const incomingClient = `${outgoingClient}/in`;
export const outgoingFilter = '$lo/#';

/** A filter to which the link has no subscription: an UNSUBSCRIBE of it is an entry that changes nothing. */
const noMark = '$cluster/link/none';
const neverExpires = 0xffff_ffff;
const receiveMaximum = 20;
const reconnectMsMin = 50;
const reconnectMsMax = 400;

/** The link at one process of a member, from the opening of its session until this ends. */
export class LinkRunner {
  readonly #world: ClientWorld;
  readonly #host: Host;
  readonly #process: number;
  readonly #site: OtherSite;
  readonly #random: Random;
  readonly #onEnded: () => void;
  readonly #out: LocalConnection;
  readonly #outgoing: OutgoingExchanges;
  #in: LocalConnection | null = null;
  #progress: StreamProgress | null = null;
  #remote: SiteConnection | null = null;
  #epoch: Epoch = 0;
  #isStopped = false;
  #packetId = 0;
  /** What follows the UNSUBACK or SUBACK with a packet id. */
  readonly #awaited = new Map<number, () => void>();

  constructor(world: ClientWorld, host: Host, site: OtherSite, random: Random, onEnded: () => void) {
    this.#world = world;
    this.#host = host;
    this.#process = host.process;
    this.#site = site;
    this.#random = random;
    this.#onEnded = onEnded;
    this.#outgoing = new OutgoingExchanges((input) => this.#out.input(input));
    this.#out = this.#open(outgoingClient, (effect) => this.#onOut(effect));
  }

  /** @param keepsSession the session stays open until the next runner takes it over */
  stop(keepsSession: boolean): void {
    this.#isStopped = true;
    this.#endRemote();
    if (keepsSession) return;
    this.#out.close();
    this.#in?.close();
  }

  // ---- the sessions of the cluster ----

  #open(client: ClientId, onEffect: (effect: ClientEffect) => void): LocalConnection {
    const { history } = this.#world;
    const connection = new LocalConnection(this.#world.newConnectionId(), this.#host, onEffect);
    this.#world.register(connection);
    history.log(() => `${client} -> ${this.#host.id} CONNECT ${connection.id}`);
    const access = { source: 'passwordFile', user: outgoingClient, address: '', listener: '$links' } as const;
    const request = { client, clean: false, sessionExpirySeconds: neverExpires, receiveMaximum, access };
    connection.input({ kind: 'connect', request });
    return connection;
  }

  #onOut(effect: ClientEffect): void {
    switch (effect.kind) {
      case 'connack':
        this.#epoch = effect.epoch;
        return this.#onOpened();
      case 'deliver':
        return this.#outgoing.onDeliver(effect);
      case 'pubrel':
        return this.#outgoing.onPubrel(effect.packetId);
      default:
        return this.#onEither(effect);
    }
  }

  #onIn(effect: ClientEffect): void {
    if (effect.kind === 'connack') this.#connect();
    else if (effect.kind === 'pubrec') this.#progress?.onPubrec(effect.packetId, effect.result);
    else if (effect.kind === 'pubcomp') this.#progress?.onPubcomp(effect.packetId);
    else this.#onEither(effect);
  }

  #onEither(effect: ClientEffect): void {
    if (effect.kind === 'close' || effect.kind === 'refuse') return this.#onSessionEnded();
    if (effect.kind !== 'suback' && effect.kind !== 'unsuback') return;
    const next = this.#awaited.get(effect.packetId);
    this.#awaited.delete(effect.packetId);
    next?.();
  }

  #onSessionEnded(): void {
    const wasStopped = this.#isStopped;
    this.stop(false);
    if (!wasStopped) this.#onEnded();
  }

  #onOpened(): void {
    const onSubscribed = (): void => {
      this.#site.subscribed();
      this.#in = this.#open(incomingClient, (effect) => this.#onIn(effect));
    };
    if (this.#filtersOf(outgoingClient).includes(outgoingFilter)) onSubscribed();
    else this.#subscribe(this.#out, { filter: outgoingFilter, qos: 2 }, onSubscribed);
  }

  #filtersOf(client: ClientId): string[] {
    const detail = this.#host.member?.view().session(client);
    return (detail?.subscriptionList ?? []).map(({ filter }) => filter);
  }

  #subscribe(connection: LocalConnection, subscription: Subscription, onApplied: () => void): void {
    connection.input({ kind: 'subscribe', packetId: this.#await(onApplied), subscriptions: [subscription] });
  }

  /** Calls back when the cluster has applied an entry of this connection: no other one had the session before. */
  #confirm(onConfirmed: () => void): void {
    this.#out.input({ kind: 'unsubscribe', packetId: this.#await(onConfirmed), filters: [noMark] });
  }

  #await(next: () => void): number {
    this.#packetId = (this.#packetId % 65_535) + 1;
    this.#awaited.set(this.#packetId, next);
    return this.#packetId;
  }

  // ---- the other site ----

  #connect(): void {
    if (this.#isStopped) return;
    this.#confirm(() => this.#dial());
  }

  #dial(): void {
    if (this.#isStopped || this.#remote !== null) return;
    const remote: SiteConnection = this.#site.connect({
      member: this.#host.id,
      epoch: this.#epoch,
      packet: (packet) => this.#enter(() => this.#remote === remote && this.#onPacket(remote, packet)),
      closed: () => this.#enter(() => this.#remote === remote && this.#onRemoteClosed()),
    });
    this.#remote = remote;
  }

  #onPacket(remote: SiteConnection, packet: FromSite): void {
    switch (packet.kind) {
      case 'connack':
        // Another member may have completed exchanges that this one would send again.
        return this.#confirm(() => this.#remote === remote && this.#begin(remote));
      case 'puback':
        return this.#outgoing.onPuback(packet.packetId);
      case 'pubrec':
        return this.#outgoing.onPubrec(packet.packetId);
      case 'pubcomp':
        return this.#outgoing.onPubcomp(packet.packetId);
      case 'stored':
        return this.#progress?.onStored(packet.sequence, packet.publication);
    }
  }

  /** This process runs the link, and it is connected. */
  #begin(remote: SiteConnection): void {
    if (this.#in === null) return;
    this.#outgoing.onConnected((packet) => this.#site.send(remote, packet));
    this.#progress ??= this.#newProgress(this.#in);
    this.#site.send(remote, { kind: 'read', from: this.#progress.nextSequence });
    this.#site.send(remote, { kind: 'permit', messages: aheadMax });
  }

  #newProgress(session: LocalConnection): StreamProgress {
    return new StreamProgress(
      {
        history: this.#world.history,
        member: this.#host.id,
        connection: session.id,
        input: (input) => session.input(input),
        writeMark: (next, former, onMarked) =>
          this.#subscribe(session, { filter: next, qos: 0, retainHandling: 2 }, () => {
            session.input({ kind: 'unsubscribe', packetId: this.#await(() => undefined), filters: [former] });
            onMarked();
          }),
        permit: () => {
          if (this.#remote !== null) this.#site.send(this.#remote, { kind: 'permit', messages: 1 });
        },
        after: (delayMs, action) => this.#after(delayMs, action),
      },
      newestMark(this.#filtersOf(incomingClient)),
    );
  }

  #onRemoteClosed(): void {
    this.#endRemote();
    this.#after(this.#random.between(reconnectMsMin, reconnectMsMax), () => this.#connect());
  }

  #endRemote(): void {
    this.#remote?.end();
    this.#remote = null;
    this.#outgoing.onDisconnected();
  }

  // ---- the process ----

  #after(delayMs: number, action: () => void): void {
    this.#world.timeline.after(delayMs, () => this.#enter(action));
  }

  /**
   * Handles an event in the process of the member. A paused process handles it when it goes on, before it has the effects of
   * the first turn of its member: so it may not know yet that another member runs the link.
   */
  #enter(action: () => void): void {
    if (!this.#host.isUp || this.#host.process !== this.#process) return;
    if (this.#host.state === 'running') action();
    else this.#host.post(action);
  }
}
