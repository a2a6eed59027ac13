import type { IConnectPacket } from 'mqtt-packet';
import type { QoS } from '@mqtt-cluster/history-checker';

/** The will of a client, without its message id. */
export interface WillSpec {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Will delay in seconds, for MQTT 5 only [MQTT5 3.1.3.2.2]; 0 in MQTT 3.1.1. */
  readonly delaySeconds: number;
}

/** @returns the will in the form of a CONNECT packet */
export function willPacket(
  { topic, qos, retain, delaySeconds }: WillSpec,
  message: number,
  version: 4 | 5,
): NonNullable<IConnectPacket['will']> {
  const properties = version === 5 ? { properties: { willDelayInterval: delaySeconds } } : {};
  return { topic, qos, retain, payload: payloadOf(message), ...properties };
}

/** @returns the payload of a message, which begins with the message's id, as the history format requires */
export function payloadOf(message: number): string {
  return `${message} .`;
}

/** @returns the message id at the start of a payload; 0 for an empty payload; -1 when the payload has no id */
export function messageIdOf(payload: string | Buffer): number {
  const text = payload.toString();
  if (text === '') return 0;
  const digits = /^\d+(?= )/.exec(text)?.[0];
  return digits === undefined ? -1 : Number(digits);
}
