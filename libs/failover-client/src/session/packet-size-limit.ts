import { MessageTooLargeError } from '../errors.ts';
import { LargeMessageDetector } from './large-message-detector.ts';
import { publishPacketBytes } from './packet-size.ts';
import type { PacketStore } from './packet-store.ts';
import type { PendingPublish, PublishQueue } from './publish-queue.ts';

type SizedPublish = Pick<PendingPublish, 'topic' | 'payload' | 'qos'>;

const packetTooLarge = 0x95;

export interface PacketSizeLimitOptions {
  readonly protocolVersion: 4 | 5;
  /** Configured limit in bytes; Infinity without one. */
  readonly packetBytesMax: number;
  readonly queue: PublishQueue;
  readonly store: PacketStore;
  /** Removes a publish in flight from MQTT.js and frees its packet id. */
  readonly remove: (packetId: number) => void;
}

/**
 * The largest packet that the server accepts. Rejects the publishes that exceed it, which the client would
 * otherwise send again on each connection.
 */
export class PacketSizeLimit {
  readonly #options: PacketSizeLimitOptions;
  readonly #detector = new LargeMessageDetector<PendingPublish>();
  #bytesMax: number;

  constructor(options: PacketSizeLimitOptions) {
    this.#options = options;
    this.#bytesMax = options.packetBytesMax;
  }

  /** @throws MessageTooLargeError */
  check(publish: SizedPublish): void {
    const bytes = this.#bytesOf(publish);
    if (bytes > this.#bytesMax) throw new MessageTooLargeError(bytes, this.#bytesMax);
  }

  /**
   * Must be called at CONNACK, before unacknowledged publishes are sent again. Rejects those that the server
   * does not accept.
   *
   * @param announced Maximum Packet Size of the server (MQTT 5), bytes; Infinity if it announced none
   */
  connected(announced: number): void {
    const max = Math.min(this.#options.packetBytesMax, announced);
    this.#bytesMax = max;
    if (max < Infinity) this.#reject((pending) => this.#bytesOf(pending) > max, max);
  }

  /**
   * Must be called when the server has closed the connection. Rejects the message because of which it
   * probably did.
   *
   * @param reasonCode of DISCONNECT (MQTT 5), or null
   */
  closedByServer(reasonCode: number | null): void {
    const { protocolVersion, queue, store } = this.#options;
    const isCertain = reasonCode === packetTooLarge;
    // An MQTT 5 server announces its limit, or has none.
    if (!isCertain && protocolVersion === 5) return;
    const sent = [...queue.sentPublishes()]
      .filter(([, packetId]) => store.isPublishSent(packetId))
      .map(([pending]) => [pending, this.#bytesOf(pending)] as const);
    const tooLarge = this.#detector.connectionClosed(sent, isCertain);
    if (tooLarge !== null) this.#reject((pending) => pending === tooLarge, null);
  }

  /** Leaves a QoS 2 message that the server has received: only its PUBREL is sent again. */
  #reject(matches: (pending: PendingPublish) => boolean, bytesMax: number | null): void {
    const { queue, store, remove } = this.#options;
    const received = new Set<PendingPublish>();
    for (const [pending, packetId] of queue.sentPublishes())
      if (!store.holdsPublish(packetId)) received.add(pending);
    for (const { pending, packetId } of queue.take((each) => matches(each) && !received.has(each))) {
      if (packetId !== null) remove(packetId);
      pending.reject(new MessageTooLargeError(this.#bytesOf(pending), bytesMax));
    }
  }

  #bytesOf(publish: SizedPublish): number {
    return publishPacketBytes(publish, this.#options.protocolVersion);
  }
}
