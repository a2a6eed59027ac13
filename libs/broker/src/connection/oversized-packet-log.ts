import type { Logger } from '@mqtt-cluster/contracts';
import type { PacketTooLargeError } from '../codec/packet-error.ts';
import { LimitLog } from '../limits/limit-log.ts';

/**
 * Logs the packets that exceed the bound of the server. A client of MQTT 3.1.1 receives no reason and often
 * sends the message again on each connection, so the operator has to find it. One client gets one line a
 * minute, all clients together get 100.
 */
export class OversizedPacketLog {
  readonly #log: LimitLog;

  constructor(logger: Logger, now?: () => number) {
    this.#log = new LimitLog(
      logger,
      'client disconnected: its packet exceeds the largest packet that this member accepts (mqtt.packetBytesMax)',
      now,
    );
  }

  /** @param client empty if the packet is CONNECT, or precedes it */
  report({ bytes, bytesMax }: PacketTooLargeError, client: string, address: string): void {
    const subject = client === '' ? `address ${address}` : `client ${client}`;
    this.#log.report(subject, { client, address, bytes, bytesMax });
  }
}
