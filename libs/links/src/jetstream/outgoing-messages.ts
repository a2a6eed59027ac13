import { createHash } from 'node:crypto';
import type { DeliverEffect, LinkDefinition, QoS } from '@mqtt-cluster/contracts';
import type { LinkDropReason } from '@mqtt-cluster/metric-catalogue';
import type { MsgHdrs } from '@nats-io/transport-node';
import { hopProperty } from '../names.ts';
import { hopsOf } from '../remote/properties.ts';
import { TopicMap } from '../topics/topic-map.ts';
import { shownTopic } from '../topics/topic-names.ts';
import { setSession, toHeaders } from './headers.ts';
import { subjectFault, topicToSubject } from './subjects.ts';

/** A message for the stream. */
export interface StreamMessage {
  readonly topic: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
  /** 0: the stream need not acknowledge it. */
  readonly qos: QoS;
}

/** The message for a delivery, or why the stream does not receive it. */
export type MappedMessage =
  | { readonly message: StreamMessage }
  | {
      readonly message: null;
      /** Null: the message came from the stream, so it is not lost. */
      readonly reason: LinkDropReason | null;
      /** One sentence, if an operator must change something. */
      readonly fault?: string;
    };

/** Makes the messages for the stream from the deliveries of the cluster. */
export class OutgoingMessages {
  readonly #definition: LinkDefinition;
  readonly #mark: string;
  readonly #echoOf: string;
  readonly #session: string;
  readonly #map: TopicMap;

  /**
   * @param mark the mark of this link in the messages that pass it
   * @param echoOf client id whose messages the link has read from the stream
   * @param session random name of the link's session
   */
  constructor(definition: LinkDefinition, mark: string, echoOf: string, session: string) {
    this.#definition = definition;
    this.#mark = mark;
    this.#echoOf = echoOf;
    this.#session = session;
    this.#map = new TopicMap(definition.rules, 'out');
  }

  map({ message, retain, expirySeconds }: DeliverEffect): MappedMessage {
    const { topic, properties = {} } = message;
    if (message.publisher === this.#echoOf) return { message: null, reason: null };
    if (hopsOf(properties) >= this.#definition.hopsMax) return { message: null, reason: 'loop' };
    const mapped = this.#map.map(topic);
    if (mapped === null) return { message: null, reason: 'unmapped' };
    const fault = mapped.fault ?? subjectFault(mapped.topic);
    if (fault !== null)
      return {
        message: null,
        reason: 'unmapped',
        fault: `message on ${shownTopic(topic)} dropped: the rule makes a topic without a subject in NATS: ${fault}`,
      };
    const { userProperties = [] } = properties;
    const qos = Math.min(message.qos, mapped.rule.qosMax) as QoS;
    const headers = toHeaders({
      qos,
      retain: retain && mapped.rule.retained === 'live',
      properties: {
        ...properties,
        ...(expirySeconds !== undefined && { messageExpiryInterval: expirySeconds }),
        userProperties: [...userProperties, [hopProperty, this.#mark]],
      },
    });
    setSession(headers, this.#session);
    const subject = topicToSubject(mapped.topic);
    return { message: { topic, subject, payload: message.payload, headers, qos } };
  }
}

/**
 * Returns a short digest of a message. Together with a number it identifies a message, also where numbers of items that
 * the queue has dropped are counted wrong.
 */
export function digestOf({ message: { topic, payload } }: DeliverEffect): string {
  return createHash('sha1').update(topic).update('\0').update(payload).digest('hex').slice(0, 12);
}
