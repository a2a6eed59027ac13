import { ReconnectDelay } from './reconnect-delay.ts';

/** When and where a link connects next: it takes the addresses of its definition in turn. */
export class Reconnection {
  readonly #addresses: readonly string[];
  readonly #now: () => number;
  readonly #delay = new ReconnectDelay();
  #address = 0;
  /** Null without a connection. */
  #connectedAtMs: number | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(addresses: readonly string[], now: () => number) {
    this.#addresses = addresses;
    this.#now = now;
  }

  get url(): string {
    return this.#addresses[this.#address % this.#addresses.length]!;
  }

  onConnected(): void {
    this.#connectedAtMs = this.#now();
  }

  /** The connection or the attempt has ended. Returns the time until the connection to the next address, ms. */
  onClosed(): number {
    this.#address++;
    const connectedMs = this.#connectedAtMs === null ? null : this.#now() - this.#connectedAtMs;
    this.#connectedAtMs = null;
    return this.#delay.next(connectedMs);
  }

  connectAfter(delayMs: number, connect: () => void): void {
    // The random fifth spreads the connections of several links to a server that has restarted.
    this.#timer = setTimeout(connect, delayMs * (1 + Math.random() / 5));
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
