import type { PublishResult, QoS } from '@mqtt-cluster/contracts';
import { payloadOf } from '../history/history.ts';
import type { History, Publication } from '../history/history.ts';
import type { ClientConnection } from './client-connection.ts';

interface InFlight {
  readonly publication: Publication;
  stage: 'publish' | 'release';
}

/**
 * Highest packet id. The range is small, so that ids are reused soon and the checks detect a confusion of two
 * messages.
 */
const packetIdMax = 24;

/**
 * Publishing side of a client: window, packet ids, and retransmission of unfinished messages after a
 * reconnect.
 */
export class OutgoingMessages {
  readonly #history: History;
  readonly #windowMax: number;
  readonly #waiting: Publication[] = [];
  /** Unfinished messages by packet id, in the order of sending. */
  readonly #inFlight = new Map<number, InFlight>();
  #nextPacketId = 1;
  #connection: ClientConnection | null = null;

  constructor(history: History, windowMax: number) {
    this.#history = history;
    this.#windowMax = Math.min(windowMax, packetIdMax);
  }

  get unfinished(): number {
    return this.#waiting.length + this.#inFlight.size;
  }

  /** The time when the oldest message in flight was first sent, or null. */
  get waitingSinceMs(): number | null {
    for (const { publication } of this.#inFlight.values()) return publication.sentAtMs;
    return null;
  }

  /** Whether a QoS 2 handshake has begun and is not complete. */
  get hasUnfinishedQos2(): boolean {
    return [...this.#inFlight.values()].some(({ publication }) => publication.qos === 2);
  }

  publish(publication: Publication): void {
    this.#waiting.push(publication);
    this.#fill();
  }

  /** Sends the messages in flight again on a new connection [MQTT-4.4.0-1], then the queued messages. */
  resume(connection: ClientConnection, sessionPresent: boolean): void {
    this.#connection = connection;
    for (const [packetId, flight] of [...this.#inFlight]) {
      if (sessionPresent || flight.publication.qos === 1) this.#send(packetId, flight);
      else this.#abandon(packetId, flight);
    }
    this.#fill();
  }

  suspend(): void {
    this.#connection = null;
  }

  /** @param degraded the member acknowledged without a majority (P1) */
  puback(packetId: number, degraded: boolean, result: PublishResult): void {
    const flight = this.#expected(packetId, 1, 'publish', 'PUBACK');
    if (flight === null) return;
    this.#inFlight.delete(packetId);
    this.#acked(flight.publication, degraded, result);
    this.#fill();
  }

  pubrec(packetId: number, result: PublishResult): void {
    const flight = this.#expected(packetId, 2, 'publish', 'PUBREC');
    if (flight === null) return;
    this.#acked(flight.publication, false, result);
    if (result !== 'ok') {
      this.#inFlight.delete(packetId);
      this.#fill();
      return;
    }
    flight.stage = 'release';
    this.#send(packetId, flight);
  }

  pubcomp(packetId: number): void {
    if (this.#expected(packetId, 2, 'release', 'PUBCOMP') === null) return;
    this.#inFlight.delete(packetId);
    this.#fill();
  }

  #expected(packetId: number, qos: QoS, stage: InFlight['stage'], packet: string): InFlight | null {
    const flight = this.#inFlight.get(packetId);
    if (flight !== undefined && flight.publication.qos === qos && flight.stage === stage) return flight;
    const client =
      this.#connection === null ? '' : (this.#history.connections.get(this.#connection.id)?.client ?? '');
    this.#history.reportViolation({
      promise: 'MQTT',
      text: `${client} received an unexpected ${packet} for packet id ${packetId}`,
    });
    return null;
  }

  #acked(publication: Publication, degraded: boolean, result: PublishResult): void {
    const connection = this.#connection as ClientConnection;
    if (result !== 'ok') {
      publication.refused = true;
      publication.refusedAlone = connection.host.member?.status().state === 'isolated';
    }
    publication.ackedAtMs = this.#history.nowMs;
    publication.ackedBy = connection.host.id;
    publication.ackedDegraded = degraded;
    this.#history.count(degraded ? 'acks without a majority' : 'acks');
  }

  #fill(): void {
    while (this.#connection !== null && this.#waiting.length > 0 && this.#inFlight.size < this.#windowMax) {
      const publication = this.#waiting.shift() as Publication;
      if (publication.qos === 0) {
        this.#transmit(publication, undefined);
        continue;
      }
      const packetId = this.#allocate();
      const flight: InFlight = { publication, stage: 'publish' };
      this.#inFlight.set(packetId, flight);
      this.#send(packetId, flight);
    }
  }

  #allocate(): number {
    for (;;) {
      const packetId = this.#nextPacketId;
      this.#nextPacketId = packetId >= packetIdMax ? 1 : packetId + 1;
      if (!this.#inFlight.has(packetId)) return packetId;
    }
  }

  #abandon(packetId: number, flight: InFlight): void {
    flight.publication.abandoned = true;
    this.#inFlight.delete(packetId);
    this.#history.count('QoS 2 handshakes ended with their session');
  }

  #send(packetId: number, flight: InFlight): void {
    const connection = this.#connection;
    if (flight.stage === 'publish') this.#transmit(flight.publication, packetId);
    else connection?.toHost({ kind: 'pubrel', packetId });
  }

  #transmit(publication: Publication, packetId: number | undefined): void {
    const connection = this.#connection as ClientConnection;
    publication.sentAtMs ??= this.#history.nowMs;
    publication.connections.push(connection.id);
    this.#history.log(
      () =>
        `${publication.client} -> ${connection.host.id} PUBLISH #${publication.id} ${publication.topic} ` +
        `qos ${publication.qos}${packetId === undefined ? '' : ` id ${packetId}`} on ${connection.id}`,
    );
    const { topic, qos, retain, expirySeconds } = publication;
    const payload = payloadOf(publication);
    const request = {
      topic,
      payload,
      qos,
      retain,
      ...(packetId === undefined ? {} : { packetId }),
      ...(expirySeconds === null ? {} : { properties: { messageExpiryInterval: expirySeconds } }),
    };
    connection.toHost({ kind: 'publish', request });
  }
}
