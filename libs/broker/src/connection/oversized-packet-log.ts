import type { Logger } from '@mqtt-cluster/contracts';
import type { PacketTooLargeError } from '../codec/packet-error.ts';

/** Interval between two lines about the same client, ms. */
const intervalMs = 60_000;
/** Lines of all clients within one interval. It bounds the log and the memory. */
const linesMax = 100;

/**
 * Logs the packets that exceed the bound of the server. A client of MQTT 3.1.1 receives no reason and often
 * sends the message again on each connection, so the operator has to find it. One client gets one line a
 * minute, all clients together get 100.
 */
export class OversizedPacketLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #clients = new Set<string>();
  #suppressed = 0;
  #sinceMs = -Infinity;

  constructor(logger: Logger, now: () => number = (): number => performance.now()) {
    this.#logger = logger;
    this.#now = now;
  }

  /** @param client empty if the packet is CONNECT, or precedes it */
  report({ bytes, bytesMax }: PacketTooLargeError, client: string, address: string): void {
    const nowMs = this.#now();
    if (nowMs - this.#sinceMs >= intervalMs) {
      this.#clients.clear();
      this.#sinceMs = nowMs;
    }
    const key = client === '' ? `address ${address}` : `client ${client}`;
    if (this.#clients.has(key) || this.#clients.size >= linesMax) {
      this.#suppressed++;
      return;
    }
    this.#clients.add(key);
    const suppressed = this.#suppressed === 0 ? {} : { suppressed: this.#suppressed };
    this.#suppressed = 0;
    this.#logger.warn(
      { client, address, bytes, bytesMax, ...suppressed },
      'client disconnected: its packet exceeds the largest packet that this member accepts (mqtt.packetBytesMax)',
    );
  }
}
