import { z } from 'zod';
import { anyNumber, bytes, count } from './schema.ts';
import type { Decoded } from './schema.ts';

const qos = z.literal([0, 1, 2]);
export type QoS = z.output<typeof qos>;

const messagePropertiesSchema = z.object({
  payloadFormatIndicator: z.boolean().optional(),
  /** Seconds, counted in cluster time from the reception of the message; see `Message.expiresAt`. */
  messageExpiryInterval: count.optional(),
  contentType: z.string().optional(),
  responseTopic: z.string().optional(),
  correlationData: bytes.optional(),
  /** Name and value pairs in the publisher's order; a name may occur more than once [MQTT-3.3.2-17]. */
  userProperties: z.array(z.tuple([z.string(), z.string()])).optional(),
});

/**
 * The MQTT 5 properties of an application message that the server forwards unaltered [MQTT-3.3.2-4 and
 * following].
 */
export type MessageProperties = Decoded<typeof messagePropertiesSchema>;

export const messageSchema = z.object({
  topic: z.string(),
  payload: bytes,
  /** The QoS of the PUBLISH packet; a subscription may lower it. */
  qos,
  /** The RETAIN flag of the PUBLISH packet. */
  retain: z.boolean(),
  properties: messagePropertiesSchema.optional(),
  /** Client id of the publisher, for No Local [MQTT-3.8.3-3]; absent for messages of the cluster itself. */
  publisher: z.string().optional(),
  /**
   * Cluster time in ms from which on the message is not delivered any more; set when its entry is applied. In
   * a publish command it counts from the time at which the home received the message (semantics version 3).
   */
  expiresAt: anyNumber.optional(),
});

/** An application message. Immutable and shared: all sessions that queue it hold the same object. */
export type Message = Decoded<typeof messageSchema>;

export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: MessageProperties;
  /**
   * Seconds between the end of the connection and the publish of the will; 0 means at once (MQTT 5,
   * 3.1.3.2.2).
   */
  readonly delaySeconds: number;
}

/** One subscription as the client requested it (MQTT 5, 3.8.3.1). `filter` may be `$share/group/filter`. */
export interface Subscription {
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** When a SUBSCRIBE receives retained messages: 0 always, 1 only for a new subscription, 2 never. */
  readonly retainHandling?: 0 | 1 | 2;
  readonly subscriptionIdentifier?: number;
}
