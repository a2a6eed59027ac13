import { RateLimitedLog } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import type { PacketTooLargeError } from '../codec/packet-error.ts';

/** Interval between two lines about the same client, ms. */
const intervalMs = 60_000;
/** Lines of all clients within one interval. It bounds the log and the memory. */
const linesMax = 100;
const message =
  'client disconnected: its packet exceeds the largest packet that this member accepts (mqtt.packetBytesMax)';

/**
 * Logs the packets that exceed the bound of the server. A client of MQTT 3.1.1 receives no reason and often
 * sends the message again on each connection, so the operator has to find it. One client gets one line a
 * minute, all clients together get 100.
 */
export class OversizedPacketLog {
  readonly #log: RateLimitedLog;

  constructor(logger: Logger, now: () => number = (): number => performance.now()) {
    this.#log = new RateLimitedLog(logger, now, { intervalMs, linesMax });
  }

  /** @param client empty if the packet is CONNECT, or precedes it */
  report({ bytes, bytesMax }: PacketTooLargeError, client: string, address: string): void {
    const subject = client === '' ? `address ${address}` : `client ${client}`;
    this.#log.warn(subject, { client, address, bytes, bytesMax }, message);
  }
}
