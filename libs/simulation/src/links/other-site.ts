import type { Epoch, MemberId, QoS } from '@mqtt-cluster/contracts';
import { payloadOf } from '../history/history.ts';
import type { History, Publication, SessionRecord } from '../history/history.ts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';

/** A packet of a link to the other site: MQTT for messages that go out, requests to the stream for those that come in. */
export type ToSite =
  | {
      readonly kind: 'publish';
      readonly packetId: number;
      readonly qos: QoS;
      readonly publication: number;
      readonly dup: boolean;
    }
  | { readonly kind: 'pubrel'; readonly packetId: number }
  /** Reads the stream from this sequence number on. */
  | { readonly kind: 'read'; readonly from: number }
  /** Permits the site to send that many further messages of the stream. */
  | { readonly kind: 'permit'; readonly messages: number };

export type FromSite =
  | { readonly kind: 'connack' }
  | { readonly kind: 'puback' | 'pubrec' | 'pubcomp'; readonly packetId: number }
  | { readonly kind: 'stored'; readonly sequence: number; readonly publication: Publication };

/** A runner of the link, as the site knows it. */
export interface SiteClient {
  readonly member: MemberId;
  /** Epoch of the session of the link that the runner holds. */
  readonly epoch: Epoch;
  packet(packet: FromSite): void;
  /** The connection has ended. */
  closed(): void;
}

const delayMsMin = 0.5;
const delayMsMax = 8;
/** Time until an attempt to connect to an unreachable site fails. */
const dialMsMax = 300;
/** Publisher of the messages of the stream. */
const siteClient = 'other-site';

/** A connection of a runner to the other site: ordered in both directions. What is on its way is lost when it is cut. */
export class SiteConnection {
  readonly client: SiteClient;
  isOpen = true;
  /** Position in the stream, and how many messages the runner has room for. */
  next = Infinity;
  permits = 0;
  readonly #timeline: Timeline;
  readonly #random: Random;
  #toSiteAtMs = 0;
  #fromSiteAtMs = 0;

  constructor(client: SiteClient, timeline: Timeline, random: Random) {
    this.client = client;
    this.#timeline = timeline;
    this.#random = random;
  }

  toSite(action: () => void): void {
    this.#toSiteAtMs = Math.max(this.#toSiteAtMs, this.#timeline.nowMs + this.#delayMs());
    this.#timeline.at(this.#toSiteAtMs, () => {
      if (this.isOpen) action();
    });
  }

  answer(packet: FromSite): void {
    this.#fromSiteAtMs = Math.max(this.#fromSiteAtMs, this.#timeline.nowMs + this.#delayMs());
    this.#timeline.at(this.#fromSiteAtMs, () => {
      if (this.isOpen) this.client.packet(packet);
    });
  }

  /** The runner ends the connection. */
  end(): void {
    this.isOpen = false;
  }

  /** The network or the site ends the connection. */
  cut(): void {
    if (!this.isOpen) return;
    this.end();
    this.#timeline.after(this.#delayMs(), () => this.client.closed());
  }

  #delayMs(): number {
    return this.#random.between(delayMsMin, delayMsMax);
  }
}

/**
 * The other end of a link: an MQTT broker that keeps its session, and a stream whose messages have sequence numbers from 1
 * on. It records what it receives, and reports a runner that acts after a later one.
 */
export class OtherSite {
  /** The messages of the stream: the one with the sequence number n is at n - 1. */
  readonly stream: Publication[] = [];
  /** The messages that have arrived, for the checks of deliveries. */
  readonly session: SessionRecord;
  isReachable = true;
  /** The runners that have acted here, in their order. */
  readonly runners: { readonly member: MemberId; readonly epoch: Epoch; readonly atMs: number }[] = [];
  readonly #history: History;
  readonly #timeline: Timeline;
  readonly #random: Random;
  /** Packet ids of QoS 2 exchanges, with their messages. */
  readonly #held = new Map<number, number>();
  #current: SiteConnection | null = null;
  #connections = 0;

  constructor(history: History, timeline: Timeline, random: Random, filter: string) {
    this.#history = history;
    this.#timeline = timeline;
    this.#random = random;
    this.session = {
      client: 'link',
      number: 0,
      persistent: true,
      expirySeconds: Infinity,
      startedAtMs: 0,
      endedAtMs: null,
      subscriptions: [
        {
          subscription: { filter, qos: 2 },
          connection: 0,
          sentAtMs: 0,
          ackedAtMs: null,
          granted: 2,
          unsubscribedAtMs: null,
        },
      ],
      arrivals: [],
      homes: [],
      leftAtMs: null,
      connectedAtMs: 0,
    };
  }

  /** The cluster has applied the subscription of the link for outgoing messages. */
  subscribed(): void {
    const [record] = this.session.subscriptions;
    if (record !== undefined) record.ackedAtMs ??= this.#timeline.nowMs;
  }

  get isSubscribed(): boolean {
    return this.session.subscriptions[0]?.ackedAtMs !== null;
  }

  /** Open QoS 2 exchanges. */
  get openExchanges(): number {
    return this.#held.size;
  }

  /** The runner of the current connection, once it has acted. */
  get runner(): MemberId | null {
    const client = this.#current?.client;
    return client !== undefined && client.epoch === this.runners.at(-1)?.epoch ? client.member : null;
  }

  /** Opens a connection. A further one with the same client id ends the former one [MQTT-3.1.4-3]. */
  connect(client: SiteClient): SiteConnection {
    const connection = new SiteConnection(client, this.#timeline, this.#random);
    if (!this.isReachable) {
      this.#timeline.after(dialMsMax, () => connection.cut());
      return connection;
    }
    connection.toSite(() => {
      this.#current?.cut();
      this.#current = connection;
      this.#connections++;
      connection.answer({ kind: 'connack' });
    });
    return connection;
  }

  send(connection: SiteConnection, packet: ToSite): void {
    connection.toSite(() => this.#receive(connection, packet));
  }

  /** Ends the current connection, and refuses others for a time. */
  cut(unreachableMs: number): void {
    this.#history.log(() => `the other site is unreachable for ${unreachableMs.toFixed(0)} ms`);
    this.#current?.cut();
    this.#current = null;
    this.isReachable = false;
    this.#timeline.after(unreachableMs, () => (this.isReachable = true));
  }

  /** Stores a message in the stream. */
  append(topic: string): Publication {
    const publication = this.#history.publication(siteClient, topic, 2);
    this.stream.push(publication);
    if (this.#current !== null) this.#sendStored(this.#current);
    return publication;
  }

  #receive(connection: SiteConnection, packet: ToSite): void {
    if (connection !== this.#current) return;
    this.#checkRunner(connection.client);
    this.#history.log(() => `${connection.client.member} -> other site ${JSON.stringify(packet)}`);
    switch (packet.kind) {
      case 'publish':
        return this.#publish(connection, packet);
      case 'pubrel':
        this.#held.delete(packet.packetId);
        return connection.answer({ kind: 'pubcomp', packetId: packet.packetId });
      case 'read':
        connection.next = packet.from;
        return this.#sendStored(connection);
      case 'permit':
        connection.permits += packet.messages;
        return this.#sendStored(connection);
    }
  }

  /** At most one runner acts in each epoch, and no runner acts after the one of a later epoch. */
  #checkRunner({ member, epoch }: SiteClient): void {
    const last = this.runners.at(-1);
    if (last !== undefined && last.epoch === epoch && last.member === member) return;
    if (last !== undefined && last.epoch >= epoch)
      this.#history.reportViolation({
        promise: 'link runner',
        text: `${member} acts at the other site with epoch ${epoch} after ${last.member} with epoch ${last.epoch}`,
      });
    if (last !== undefined && last.member !== member) this.#history.count('links taken over');
    this.runners.push({ member, epoch, atMs: this.#timeline.nowMs });
  }

  #publish(connection: SiteConnection, packet: Extract<ToSite, { kind: 'publish' }>): void {
    const { packetId, publication, qos, dup } = packet;
    if (qos === 1) {
      this.#arrived(packet);
      return connection.answer({ kind: 'puback', packetId });
    }
    const held = this.#held.get(packetId);
    if (held === undefined) this.#arrived(packet);
    else if (held !== publication)
      this.#history.reportViolation({
        promise: 'link exchange',
        publication,
        text: `the other site takes #${publication} (packet id ${packetId}, DUP ${dup}) for #${held}, which is not released`,
      });
    this.#held.set(packetId, publication);
    connection.answer({ kind: 'pubrec', packetId });
  }

  #arrived({ packetId, publication, qos, dup }: Extract<ToSite, { kind: 'publish' }>): void {
    this.session.arrivals.push({
      publication,
      connection: this.#connections,
      atMs: this.#timeline.nowMs,
      qos,
      retained: false,
      topic: this.#history.publications[publication]?.topic ?? '',
      packetId,
      dup,
      expirySeconds: null,
      subscriptionIdentifiers: [],
    });
    this.#history.count('messages at the other site');
  }

  #sendStored(connection: SiteConnection): void {
    while (connection.permits > 0) {
      const publication = this.stream[connection.next - 1];
      if (publication === undefined) return;
      connection.permits--;
      connection.answer({ kind: 'stored', sequence: connection.next++, publication });
    }
  }
}

/** Returns the request for a message of the stream. */
export function requestOf(publication: Publication, packetId: number) {
  return {
    topic: publication.topic,
    payload: payloadOf(publication),
    qos: 2,
    retain: false,
    packetId,
  } as const;
}
