import type { ClientInput, DeliverEffect, QoS } from '@mqtt-cluster/contracts';
import { publicationIdIn } from '../history/history.ts';
import type { ToSite } from './other-site.ts';

/** A message that the other site has not acknowledged. */
interface Exchange {
  readonly packetId: number;
  readonly qos: QoS;
  /** Null: a former runner has sent the PUBLISH, and this one only has the PUBREL of the cluster. */
  readonly publication: number | null;
  dup: boolean;
  /** True once this runner has passed the PUBREC of the site to the cluster. */
  isReceived: boolean;
  /** True once the cluster has answered with PUBREL. */
  isReleased: boolean;
}

/**
 * Mirrors each exchange of the session of the link at the other site with the same packet id, as docs/DESIGN.md, "Links to
 * other brokers" describes.
 */
export class OutgoingExchanges {
  readonly #acknowledge: (input: ClientInput) => void;
  readonly #exchanges = new Map<number, Exchange>();
  #send: ((packet: ToSite) => void) | null = null;

  constructor(acknowledge: (input: ClientInput) => void) {
    this.#acknowledge = acknowledge;
  }

  onDeliver({ packetId, qos, dup, message }: DeliverEffect): void {
    const publication = publicationIdIn(message.payload);
    if (qos === 0 || publication === null) return;
    const exchange = { packetId, qos, publication, dup, isReceived: false, isReleased: false };
    this.#exchanges.set(packetId, exchange);
    this.#advance(exchange);
  }

  onPubrel(packetId: number): void {
    const known = this.#exchanges.get(packetId);
    const exchange = known ?? {
      packetId,
      qos: 2,
      publication: null,
      dup: true,
      isReceived: true,
      isReleased: true,
    };
    exchange.isReleased = true;
    this.#exchanges.set(packetId, exchange);
    this.#advance(exchange);
  }

  onConnected(send: (packet: ToSite) => void): void {
    this.#send = send;
    for (const exchange of this.#exchanges.values()) this.#advance(exchange);
  }

  onDisconnected(): void {
    this.#send = null;
  }

  onPuback(packetId: number): void {
    if (this.#exchanges.get(packetId)?.qos !== 1) return;
    this.#exchanges.delete(packetId);
    this.#acknowledge({ kind: 'puback', packetId });
  }

  onPubrec(packetId: number): void {
    const exchange = this.#exchanges.get(packetId);
    if (exchange?.qos !== 2 || exchange.isReceived) return;
    exchange.isReceived = true;
    this.#acknowledge({ kind: 'pubrec', packetId });
  }

  onPubcomp(packetId: number): void {
    if (this.#exchanges.get(packetId)?.isReleased !== true) return;
    this.#exchanges.delete(packetId);
    this.#acknowledge({ kind: 'pubcomp', packetId });
  }

  /** Sends the next packet of the exchange. */
  #advance(exchange: Exchange): void {
    const { packetId, qos, publication, dup, isReceived, isReleased } = exchange;
    if (this.#send === null) return;
    if (isReleased) return this.#send({ kind: 'pubrel', packetId });
    if (isReceived || publication === null) return;
    this.#send({ kind: 'publish', packetId, qos, publication, dup });
    exchange.dup = true;
  }
}
