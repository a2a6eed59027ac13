import type { ClientId } from './ids.ts';

export type QoS = 0 | 1 | 2;

/** The MQTT 5 properties of an application message that are passed on unaltered [MQTT-3.3.2-4 and following]. */
export interface MessageProperties {
  readonly payloadFormatIndicator?: boolean;
  /** Seconds; counted in cluster time from the entry that held the message. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  /** In the publisher's order; names may repeat [MQTT-3.3.2-17]. */
  readonly userProperties?: readonly (readonly [string, string])[];
}

/** An application message. Immutable and shared: one object, however many sessions queue it. */
export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** As published; a subscription may lower it. */
  readonly qos: QoS;
  /** As published. */
  readonly retain: boolean;
  readonly properties?: MessageProperties;
  /** Who published it, for No Local [MQTT-3.8.3-3]; absent for the cluster's own messages. */
  readonly publisher?: ClientId;
  /** Cluster time in ms after which it is not delivered any more; set when applied. */
  readonly expiresAt?: number;
}

export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: MessageProperties;
  /** Seconds, 0 for at once (MQTT 5, 3.1.3.2.2). */
  readonly delaySeconds: number;
}

/** One subscription as requested (MQTT 5, 3.8.3.1). `filter` may be `$share/group/filter`. */
export interface Subscription {
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** 0 send retained, 1 only when new, 2 never. */
  readonly retainHandling?: 0 | 1 | 2;
  readonly subscriptionIdentifier?: number;
}
