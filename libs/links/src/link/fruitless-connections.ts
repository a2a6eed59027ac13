/**
 * How a connection to the other broker has ended. `closed`: by the other broker, or for a packet that cannot be encoded.
 * `reset`: by the other broker, which may not have read everything, or by the network. `other`: by this side, by silence, or
 * by a failure of the network.
 */
export type RemoteEnd = 'closed' | 'reset' | 'other';

/**
 * Connections that the other broker closes while it has not acknowledged the one message that is in flight. Then the message
 * is dropped: 3.1.1 has no other way to refuse it. More attempts delay the messages behind it for longer.
 */
export const fruitlessConnectionsMax = 5;
/**
 * A network resets connections too, so this number of resets counts as one connection that the other broker closes. They
 * must count: mosquitto resets the connection after a packet of MQTT 3.1.1 that is too large for it.
 */
export const resetsForOneClose = 4;
/** Fruitless connections after which the first message is sent alone. */
const fruitlessBeforeAlone = 2;

/** Counts the connections in a row that the other broker ends without any acknowledgement. */
export class FruitlessConnections {
  #connections = 0;
  /** Packet id of the message that was alone in flight at the last ends. */
  #suspect: number | null = null;
  /** Sum of these ends: a reset counts 1, a close {@link resetsForOneClose}. */
  #weight = 0;

  /** True if the next message must be sent alone, to find out which one ends the connections. */
  get sendsAlone(): boolean {
    return this.#connections >= fruitlessBeforeAlone;
  }

  onProgress(): void {
    this.#connections = 0;
    this.#suspect = null;
    this.#weight = 0;
  }

  /**
   * @param inFlight packet ids of the messages without an acknowledgement
   * @returns the packet id of the message to drop, or null
   */
  onEnd(end: RemoteEnd, inFlight: readonly number[]): number | null {
    const [first] = inFlight;
    if (end === 'other' || first === undefined) return null;
    const wasAlone = this.sendsAlone && inFlight.length === 1;
    this.#connections++;
    if (!wasAlone) return null;
    if (this.#suspect !== first) this.#weight = 0;
    this.#suspect = first;
    this.#weight += end === 'reset' ? 1 : resetsForOneClose;
    if (this.#weight < fruitlessConnectionsMax * resetsForOneClose) return null;
    this.onProgress();
    return first;
  }
}
