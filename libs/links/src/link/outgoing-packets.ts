import type { DeliverEffect, LinkDefinition, QoS } from '@mqtt-cluster/contracts';
import type { LinkDropReason } from '@mqtt-cluster/metric-catalogue';
import type { IPublishPacket } from 'mqtt-packet';
import { hopsOf, toRemote } from '../remote/properties.ts';
import { TopicMap } from '../topics/topic-map.ts';
import { shownTopic } from '../topics/topic-names.ts';

/** The PUBLISH for a delivery, or why the other broker does not receive it. */
export type MappedDelivery =
  | { readonly packet: IPublishPacket }
  | {
      readonly packet: null;
      /** Null: the message came from the other broker, so it is not lost. */
      readonly reason: LinkDropReason | null;
      /** One sentence, if an operator must change something. */
      readonly fault?: string;
    };

/** Makes the packets for the other broker from the deliveries of the cluster. */
export class OutgoingPackets {
  readonly #definition: LinkDefinition;
  readonly #mark: string;
  readonly #echoOf: string;
  readonly #map: TopicMap;

  /**
   * @param mark the mark of this link in the messages that pass it
   * @param echoOf client id whose messages the link has received from the other broker
   */
  constructor(definition: LinkDefinition, mark: string, echoOf: string) {
    this.#definition = definition;
    this.#mark = mark;
    this.#echoOf = echoOf;
    this.#map = new TopicMap(definition.rules, 'out');
  }

  map({ message, qos, retain, expirySeconds }: DeliverEffect): MappedDelivery {
    const { hopsMax, protocol } = this.#definition;
    if (message.publisher === this.#echoOf) return { packet: null, reason: null };
    if (hopsOf(message.properties) >= hopsMax) return { packet: null, reason: 'loop' };
    const mapped = this.#map.map(message.topic);
    if (mapped === null) return { packet: null, reason: 'unmapped' };
    if (mapped.fault !== null) {
      const fault =
        `message on ${shownTopic(message.topic)} dropped: ` +
        `the rule makes a topic that other brokers do not accept: ${mapped.fault}`;
      return { packet: null, reason: 'unmapped', fault };
    }
    const { buffer, byteOffset, byteLength } = message.payload;
    return {
      packet: {
        cmd: 'publish',
        topic: mapped.topic,
        payload: Buffer.from(buffer, byteOffset, byteLength),
        qos: Math.min(qos, mapped.rule.qosMax) as QoS,
        dup: false,
        retain: retain && mapped.rule.retained === 'live',
        ...(protocol === '5.0' && { properties: toRemote(message.properties, this.#mark, expirySeconds) }),
      },
    };
  }
}
