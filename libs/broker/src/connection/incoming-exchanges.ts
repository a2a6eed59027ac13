import { weightUnitBytes } from '../flow-control/publish-window.ts';

/**
 * State of a QoS 2 publish from the client. `sent`: the member has it and has not answered yet. `received`: PUBREC is
 * sent. `released`: the client has sent PUBREL, so the member takes the next PUBLISH with this packet identifier as a
 * new message.
 */
type ExchangeState = 'sent' | 'received' | 'released';

/** The QoS 2 publishes of one client between PUBLISH and PUBCOMP, by packet identifier. */
export class IncomingExchanges {
  /** Null until the first publish: most clients send none of QoS 2. */
  #states: Map<number, ExchangeState> | null = null;
  /** Payload bytes of the large publishes in the state `sent`, by packet identifier. */
  #largeBytesOf: Map<number, number> | null = null;
  /** Large payload bytes of the publishes that the member has not answered. */
  largeBytes = 0;

  get size(): number {
    return this.#states?.size ?? 0;
  }

  has(packetId: number): boolean {
    return this.#states?.has(packetId) === true;
  }

  /** Returns the state of the exchange of which a PUBLISH is a repetition, or null for a new message. */
  repeated(packetId: number): 'sent' | 'received' | null {
    const state = this.#states?.get(packetId);
    return state === undefined || state === 'released' ? null : state;
  }

  onPublish(packetId: number, payloadBytes: number): void {
    this.#states ??= new Map();
    if (this.repeated(packetId) === null) this.#states.set(packetId, 'sent');
    if (payloadBytes < weightUnitBytes || this.#states.get(packetId) !== 'sent') return;
    this.#largeBytesOf ??= new Map();
    this.#largeBytesOf.set(packetId, (this.#largeBytesOf.get(packetId) ?? 0) + payloadBytes);
    this.largeBytes += payloadBytes;
  }

  onPubrec(packetId: number): void {
    this.#answered(packetId);
    if (this.#states?.get(packetId) === 'sent') this.#states.set(packetId, 'received');
  }

  onPubrel(packetId: number): void {
    this.#answered(packetId);
    if (this.#states?.has(packetId) === true) this.#states.set(packetId, 'released');
  }

  onEnd(packetId: number): void {
    this.#answered(packetId);
    this.#states?.delete(packetId);
  }

  #answered(packetId: number): void {
    if (this.largeBytes === 0) return;
    this.largeBytes -= this.#largeBytesOf?.get(packetId) ?? 0;
    this.#largeBytesOf?.delete(packetId);
  }
}
