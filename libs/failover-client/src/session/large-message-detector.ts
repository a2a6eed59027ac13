/**
 * Smaller messages are never suspected: a server that accepts no message of this size is unlikely, and a
 * connection can end for many other reasons.
 */
const suspectedBytesMin = 64 * 1024;
/** The server closed so many connections in a row while the same message was the largest one in flight. */
const closesMax = 2;

/**
 * Finds the message that a server of MQTT 3.1.1 rejects by closing the connection, because its protocol has
 * neither an announced limit nor a reason code. Without this class the client would send the message again
 * on each connection, for ever.
 */
export class LargeMessageDetector<Publish> {
  #suspect: Publish | null = null;
  #closes = 0;

  /**
   * Must be called when the server has closed a connection.
   *
   * @param inFlight the publishes without an acknowledgement that were sent on this connection, with their
   *   packets' bytes
   * @param isCertain true if the server has reported that a packet was too large (MQTT 5 reason code 0x95)
   * @returns the publish to give up, or null
   */
  connectionClosed(
    inFlight: readonly (readonly [publish: Publish, bytes: number])[],
    isCertain: boolean,
  ): Publish | null {
    const largest = inFlight.reduce<readonly [Publish | null, number]>(
      (most, each) => (each[1] > most[1] ? each : most),
      [null, isCertain ? 0 : suspectedBytesMin - 1],
    )[0];
    this.#closes = largest !== null && largest === this.#suspect ? this.#closes + 1 : 1;
    this.#suspect = largest;
    if (largest === null || (!isCertain && this.#closes < closesMax)) return null;
    this.#suspect = null;
    return largest;
  }
}
