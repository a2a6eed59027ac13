/**
 * Decides which received bytes restart the keep-alive timer of one client.
 *
 * A whole control packet always does. MQTT counts nothing else ([3.1.1 MQTT-3.1.2-24], [5.0 MQTT-3.1.2-22]), but
 * a client on a slow link may need longer than its keep-alive for one large packet. The bytes of an incomplete
 * packet therefore count as well while they arrive at a minimum rate. A client that sends single bytes of a
 * packet, to occupy a connection without end, does not reach this rate.
 */
export class ReceiveProgress {
  readonly #bytesPerSecondMin: number;
  /** Start of the measured time, monotonic ms; null while no incomplete packet is measured. */
  #sinceMs: number | null = null;
  /** Bytes of the incomplete packet since then. */
  #bytes = 0;

  constructor(bytesPerSecondMin: number) {
    this.#bytesPerSecondMin = bytesPerSecondMin;
  }

  /** A whole packet arrived. */
  onPacket(): void {
    this.#sinceMs = null;
    this.#bytes = 0;
  }

  /**
   * Counts bytes of an incomplete packet. Returns true, and starts a new measurement, if the bytes since the last
   * progress reach the minimum rate.
   */
  onPart(bytes: number, nowMs: number): boolean {
    this.#bytes += bytes;
    if (this.#sinceMs === null) {
      this.#sinceMs = nowMs;
      return false;
    }
    if (this.#bytes * 1_000 < (nowMs - this.#sinceMs) * this.#bytesPerSecondMin) return false;
    this.restart(nowMs);
    return true;
  }

  /** Starts a new measurement, for instance because the guard does not read the socket. */
  restart(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#bytes = 0;
  }

  /** Returns the time in ms for which the incomplete packet has made no progress. */
  stalledMs(nowMs: number): number {
    this.#sinceMs ??= nowMs;
    return nowMs - this.#sinceMs;
  }
}
