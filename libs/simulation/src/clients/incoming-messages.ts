import type { DeliverEffect } from '@mqtt-cluster/contracts';
import { publicationIdIn } from '../history/history.ts';
import type { History, SessionRecord } from '../history/history.ts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';
import type { ClientConnection } from './client-connection.ts';

/**
 * Receiving side of a client: acknowledges messages in order with a random delay, and accepts each QoS 2
 * message once.
 */
export class IncomingMessages {
  readonly #client: string;
  readonly #history: History;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #receiveMaximum: number;
  /** Maximum delay before an acknowledgement, milliseconds. The delay is uniformly distributed. */
  #ackDelayMsMax: number;
  /** QoS 2 packet ids between PUBLISH and PUBREL. They are part of the client's session state. */
  readonly #received = new Set<number>();
  /** Packet ids that were delivered on this connection and not acknowledged yet. */
  readonly #unacked = new Set<number>();
  #connection: ClientConnection | null = null;
  #nextAckAtMs = 0;
  /** Whether the client acknowledges messages. If false, the client only reads. */
  acknowledges = true;
  #deferred: (() => void)[] = [];
  lastArrivalMs = 0;

  constructor(
    client: string,
    history: History,
    timeline: Timeline,
    random: Random,
    options: { readonly receiveMaximum: number; readonly ackDelayMsMax: number },
  ) {
    this.#client = client;
    this.#history = history;
    this.#timeline = timeline;
    this.#random = random;
    this.#receiveMaximum = options.receiveMaximum;
    this.#ackDelayMsMax = options.ackDelayMsMax;
  }

  resume(connection: ClientConnection, sessionPresent: boolean): void {
    this.#connection = connection;
    this.#unacked.clear();
    this.#deferred = [];
    if (!sessionPresent) this.#received.clear();
  }

  suspend(): void {
    this.#connection = null;
  }

  /** Makes the client acknowledge all messages without delay from now on. */
  acknowledgeAtOnce(): void {
    this.#ackDelayMsMax = 1;
    this.resumeAcknowledging();
  }

  resumeAcknowledging(): void {
    this.acknowledges = true;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const acknowledge of deferred) acknowledge();
  }

  deliver(effect: DeliverEffect, session: SessionRecord): void {
    this.lastArrivalMs = this.#history.nowMs;
    this.#history.count('deliveries');
    const { packetId } = effect;
    if (effect.qos === 0) return this.#arrived(effect, session);
    this.#checkPacketId(packetId);
    if (effect.qos === 1) {
      this.#arrived(effect, session);
      this.#acknowledge((connection) => {
        this.#unacked.delete(packetId);
        connection.toHost({ kind: 'puback', packetId });
      });
      return;
    }
    if (!this.#received.has(packetId)) {
      this.#received.add(packetId);
      this.#arrived(effect, session);
    }
    this.#acknowledge((connection) => connection.toHost({ kind: 'pubrec', packetId }));
  }

  pubrel(packetId: number): void {
    this.#received.delete(packetId);
    this.#acknowledge((connection) => {
      this.#unacked.delete(packetId);
      connection.toHost({ kind: 'pubcomp', packetId });
    });
  }

  #checkPacketId(packetId: number): void {
    const client = this.#client;
    if (packetId < 1 || packetId > 65_535) {
      this.#history.reportViolation({
        promise: 'MQTT',
        client,
        text: `${client} received packet id ${packetId}, which is invalid`,
      });
    }
    // [5.0 MQTT-2.2.1-4]: a packet id in use on this connection must not be used for another message.
    if (this.#unacked.has(packetId)) {
      this.#history.reportViolation({
        promise: 'MQTT',
        client,
        text: `${client} received packet id ${packetId} twice before its acknowledgement`,
      });
    }
    this.#unacked.add(packetId);
    if (this.#unacked.size === this.#receiveMaximum) {
      this.#history.mark('receive-maximum-reached');
      if (this.#connection !== null) this.#history.recordSlowClient(this.#connection.id);
    }
    if (this.#unacked.size > this.#receiveMaximum) {
      this.#history.reportViolation({
        promise: 'MQTT',
        client,
        text: `${client} received more unacknowledged messages than its Receive Maximum of ${this.#receiveMaximum} [MQTT-3.3.4-9]`,
      });
    }
  }

  #arrived(effect: DeliverEffect, session: SessionRecord): void {
    const publication = publicationIdIn(effect.message.payload);
    this.#history.log(
      () =>
        `${this.#client} <- ${this.#connection?.host.id} #${publication} ${effect.message.topic} qos ${effect.qos} ` +
        `id ${effect.packetId}${effect.dup ? ' dup' : ''}${effect.retain ? ' retained' : ''} on ${effect.connection}`,
    );
    if (publication === null) return;
    session.arrivals.push({
      publication,
      connection: effect.connection,
      atMs: this.#history.nowMs,
      qos: effect.qos,
      retained: effect.retain,
      topic: effect.message.topic,
      packetId: effect.packetId,
      dup: effect.dup,
      expirySeconds: effect.expirySeconds ?? effect.message.properties?.messageExpiryInterval ?? null,
      subscriptionIdentifiers: effect.subscriptionIdentifiers ?? [],
    });
  }

  /** Sends acknowledgements in the order of the messages [MQTT-4.6.0-2]. */
  #acknowledge(send: (connection: ClientConnection) => void): void {
    const connection = this.#connection;
    if (connection === null) return;
    const acknowledge = (): void => {
      const atMs = this.#timeline.nowMs + this.#random.between(0, this.#ackDelayMsMax);
      this.#nextAckAtMs = Math.max(this.#nextAckAtMs, atMs);
      this.#timeline.at(this.#nextAckAtMs, () => {
        if (this.#connection === connection && connection.isOpen) send(connection);
      });
    };
    if (this.acknowledges) acknowledge();
    else this.#deferred.push(acknowledge);
  }
}
