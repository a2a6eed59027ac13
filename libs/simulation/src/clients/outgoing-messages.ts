import type { QoS } from '@mqtt-cluster/contracts';
import { payloadOf } from '../history/history.ts';
import type { History, Publication } from '../history/history.ts';
import type { Wire } from './client-connection.ts';

interface Flight {
  readonly publication: Publication;
  stage: 'publish' | 'release';
}

/** Packet ids are taken from a small range, so that they come round soon and a mix-up of two uses shows. */
const packetIdMax = 24;

/** The publishing half of a client: a window, packet ids, and everything again after a reconnect, in order. */
export class Outgoing {
  readonly #history: History;
  readonly #windowMax: number;
  readonly #waiting: Publication[] = [];
  /** In the order of sending. */
  readonly #flights = new Map<number, Flight>();
  #nextPacketId = 1;
  #wire: Wire | null = null;

  constructor(history: History, windowMax: number) {
    this.#history = history;
    this.#windowMax = Math.min(windowMax, packetIdMax);
  }

  get unfinished(): number {
    return this.#waiting.length + this.#flights.size;
  }

  /** When the oldest message in flight was first sent, or null. */
  get waitingSinceMs(): number | null {
    for (const { publication } of this.#flights.values()) return publication.sentAtMs;
    return null;
  }

  /** A QoS 2 exchange has begun and is not complete. */
  get hasExactlyOnceUnderWay(): boolean {
    return [...this.#flights.values()].some(({ publication }) => publication.qos === 2);
  }

  publish(publication: Publication): void {
    this.#waiting.push(publication);
    this.#fill();
  }

  /** The connection stands: what was under way is sent again first [MQTT-4.4.0-1], then what waits. */
  resume(wire: Wire, sessionPresent: boolean): void {
    this.#wire = wire;
    for (const [packetId, flight] of [...this.#flights]) {
      if (sessionPresent || flight.publication.qos === 1) this.#send(packetId, flight);
      else this.#abandon(packetId, flight);
    }
    this.#fill();
  }

  suspend(): void {
    this.#wire = null;
  }

  /** @param degraded without a majority, as the member says (P1) */
  puback(packetId: number, degraded: boolean, result: 'ok' | 'quotaExceeded'): void {
    const flight = this.#expected(packetId, 1, 'publish', 'PUBACK');
    if (flight === null) return;
    this.#flights.delete(packetId);
    this.#acked(flight.publication, degraded, result);
    this.#fill();
  }

  pubrec(packetId: number, result: 'ok' | 'quotaExceeded'): void {
    const flight = this.#expected(packetId, 2, 'publish', 'PUBREC');
    if (flight === null) return;
    this.#acked(flight.publication, false, result);
    if (result !== 'ok') {
      this.#flights.delete(packetId);
      this.#fill();
      return;
    }
    flight.stage = 'release';
    this.#send(packetId, flight);
  }

  pubcomp(packetId: number): void {
    if (this.#expected(packetId, 2, 'release', 'PUBCOMP') === null) return;
    this.#flights.delete(packetId);
    this.#fill();
  }

  #expected(packetId: number, qos: QoS, stage: Flight['stage'], packet: string): Flight | null {
    const flight = this.#flights.get(packetId);
    if (flight !== undefined && flight.publication.qos === qos && flight.stage === stage) return flight;
    const client = this.#wire === null ? '' : (this.#history.connections.get(this.#wire.id)?.client ?? '');
    this.#history.violate({
      promise: 'MQTT',
      text: `${client} got a ${packet} for ${packetId} that it did not expect`,
    });
    return null;
  }

  #acked(publication: Publication, degraded: boolean, result: 'ok' | 'quotaExceeded'): void {
    const wire = this.#wire as Wire;
    if (result !== 'ok') publication.refused = true;
    publication.ackedAtMs = this.#history.nowMs;
    publication.ackedBy = wire.host.id;
    publication.ackedDegraded = degraded;
    this.#history.count(degraded ? 'acks without a majority' : 'acks');
  }

  #fill(): void {
    while (this.#wire !== null && this.#waiting.length > 0 && this.#flights.size < this.#windowMax) {
      const publication = this.#waiting.shift() as Publication;
      if (publication.qos === 0) {
        this.#transmit(publication, undefined);
        continue;
      }
      const packetId = this.#allocate();
      const flight: Flight = { publication, stage: 'publish' };
      this.#flights.set(packetId, flight);
      this.#send(packetId, flight);
    }
  }

  #allocate(): number {
    for (;;) {
      const packetId = this.#nextPacketId;
      this.#nextPacketId = packetId >= packetIdMax ? 1 : packetId + 1;
      if (!this.#flights.has(packetId)) return packetId;
    }
  }

  #abandon(packetId: number, flight: Flight): void {
    flight.publication.abandoned = true;
    this.#flights.delete(packetId);
    this.#history.count('abandoned');
  }

  #send(packetId: number, flight: Flight): void {
    const wire = this.#wire;
    if (flight.stage === 'publish') this.#transmit(flight.publication, packetId);
    else wire?.toHost({ kind: 'pubrel', packetId });
  }

  #transmit(publication: Publication, packetId: number | undefined): void {
    const wire = this.#wire as Wire;
    publication.sentAtMs ??= this.#history.nowMs;
    publication.connections.push(wire.id);
    this.#history.note(
      () =>
        `${publication.client} -> ${wire.host.id} PUBLISH #${publication.id} ${publication.topic} ` +
        `qos ${publication.qos}${packetId === undefined ? '' : ` id ${packetId}`} on ${wire.id}`,
    );
    const { topic, qos, retain } = publication;
    const payload = payloadOf(publication);
    const request = { topic, payload, qos, retain, ...(packetId === undefined ? {} : { packetId }) };
    wire.toHost({ kind: 'publish', request });
  }
}
