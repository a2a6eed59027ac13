import type { DeliverEffect } from '@mqtt-cluster/contracts';
import { publicationIn } from '../history/history.ts';
import type { History, SessionRecord } from '../history/history.ts';
import type { Random } from '../world/random.ts';
import type { Timeline } from '../world/timeline.ts';
import type { Wire } from './client-connection.ts';

/** The receiving half of a client: acknowledges in order, late now and then, and takes each QoS 2 message once. */
export class Incoming {
  readonly #client: string;
  readonly #history: History;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #receiveMaximum: number;
  /** Milliseconds before an answer; uniform up to this. */
  #ackDelayMsMax: number;
  /** QoS 2 packet ids between PUBLISH and PUBREL; part of a persistent client's own state. */
  readonly #received = new Set<number>();
  /** Delivered on this connection and not yet acknowledged by us. */
  readonly #unacked = new Set<number>();
  #wire: Wire | null = null;
  #answerFreeAtMs = 0;
  /** False: the client reads but does not answer. */
  answers = true;
  #unanswered: (() => void)[] = [];
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

  resume(wire: Wire, sessionPresent: boolean): void {
    this.#wire = wire;
    this.#unacked.clear();
    this.#unanswered = [];
    if (!sessionPresent) this.#received.clear();
  }

  suspend(): void {
    this.#wire = null;
  }

  /** Nothing is to be waited for any more: it answers at once. */
  hurry(): void {
    this.#ackDelayMsMax = 1;
    this.answerAgain();
  }

  answerAgain(): void {
    this.answers = true;
    const due = this.#unanswered;
    this.#unanswered = [];
    for (const answer of due) answer();
  }

  deliver(effect: DeliverEffect, session: SessionRecord): void {
    this.lastArrivalMs = this.#history.nowMs;
    this.#history.count('deliveries');
    const { packetId } = effect;
    if (effect.qos === 0) return this.#arrived(effect, session);
    this.#checkPacketId(packetId);
    if (effect.qos === 1) {
      this.#arrived(effect, session);
      this.#answer((wire) => {
        this.#unacked.delete(packetId);
        wire.toHost({ kind: 'puback', packetId });
      });
      return;
    }
    if (!this.#received.has(packetId)) {
      this.#received.add(packetId);
      this.#arrived(effect, session);
    }
    this.#answer((wire) => wire.toHost({ kind: 'pubrec', packetId }));
  }

  pubrel(packetId: number): void {
    this.#received.delete(packetId);
    this.#answer((wire) => {
      this.#unacked.delete(packetId);
      wire.toHost({ kind: 'pubcomp', packetId });
    });
  }

  #checkPacketId(packetId: number): void {
    const client = this.#client;
    if (packetId < 1 || packetId > 65_535) {
      this.#history.violate({ promise: 'MQTT', client, text: `${client} was sent packet id ${packetId}` });
    }
    // [MQTT-2.2.1-3]: an id that is in use on this connection may not be given to another message.
    if (this.#unacked.has(packetId)) {
      this.#history.violate({
        promise: 'MQTT',
        client,
        text: `${client} was sent packet id ${packetId} twice`,
      });
    }
    this.#unacked.add(packetId);
    if (this.#unacked.size > this.#receiveMaximum) {
      this.#history.violate({
        promise: 'MQTT',
        client,
        text: `${client} was sent more than its receive maximum of ${this.#receiveMaximum} [MQTT-3.3.4-9]`,
      });
    }
  }

  #arrived(effect: DeliverEffect, session: SessionRecord): void {
    const publication = publicationIn(effect.message.payload);
    this.#history.note(
      () =>
        `${this.#client} <- ${this.#wire?.host.id} #${publication} ${effect.message.topic} qos ${effect.qos} ` +
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
    });
  }

  /** Answers leave in the order of what they answer [MQTT-4.6.0-2]. */
  #answer(send: (wire: Wire) => void): void {
    const wire = this.#wire;
    if (wire === null) return;
    const answer = (): void => {
      const atMs = this.#timeline.nowMs + this.#random.between(0, this.#ackDelayMsMax);
      this.#answerFreeAtMs = Math.max(this.#answerFreeAtMs, atMs);
      this.#timeline.at(this.#answerFreeAtMs, () => {
        if (this.#wire === wire && wire.isOpen) send(wire);
      });
    };
    if (this.answers) answer();
    else this.#unanswered.push(answer);
  }
}
