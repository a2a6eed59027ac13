/** Delay of the first reconnect, and of the later ones, ms. */
export const reconnectDelayMsMin = 200;
const reconnectDelayMsMax = 10_000;
/** A connection of this duration counts as stable: the next reconnect is quick again. */
const stableMs = 10_000;

/** The time before the next connection to the other broker. It doubles with each connection that is not stable. */
export class ReconnectDelay {
  #delayMs = reconnectDelayMsMin;

  /** @param connectedMs duration of the connection that has ended, ms; null: the attempt has failed */
  next(connectedMs: number | null): number {
    if (connectedMs !== null && connectedMs >= stableMs) this.#delayMs = reconnectDelayMsMin;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(reconnectDelayMsMax, delayMs * 2);
    return delayMs;
  }
}
