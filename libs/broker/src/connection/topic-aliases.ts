import type { PublishPacket } from '../codec/decode-packets.ts';
import { PacketError, protocolError } from '../codec/packet-error.ts';
import { reasonCodes } from '../codec/reason-codes.ts';

/** The topic aliases that one MQTT 5 client has set (MQTT 5, 3.3.2.3.4). */
export class TopicAliases {
  readonly #aliasMax: number;
  /** Null until the client sets an alias. */
  #topics: Map<number, string> | null = null;

  constructor(aliasMax: number) {
    this.#aliasMax = aliasMax;
  }

  /** Returns the topic of a PUBLISH, and stores its alias. @throws PacketError for an invalid alias */
  resolve(packet: PublishPacket): string {
    const alias = packet.properties?.topicAlias;
    if (alias === undefined) {
      if (packet.topic.length > 0) return packet.topic;
      throw protocolError('PUBLISH has neither a topic nor a topic alias'); // [MQTT-4.7.3-1]
    }
    if (alias === 0 || alias > this.#aliasMax) {
      // [MQTT-3.3.2-8, -9]
      throw new PacketError(reasonCodes.topicAliasInvalid, `topic alias ${alias} is out of range`);
    }
    if (packet.topic.length > 0) {
      this.#topics ??= new Map();
      this.#topics.set(alias, packet.topic);
      return packet.topic;
    }
    const topic = this.#topics?.get(alias);
    if (topic === undefined) throw protocolError(`topic alias ${alias} has no topic yet`);
    return topic;
  }
}
