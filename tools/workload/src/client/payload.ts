import type { IConnectPacket } from 'mqtt-packet';
import type { QoS } from '@mqtt-cluster/history-checker';

export interface WillSpec {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Only MQTT 5 has one. */
  readonly delaySeconds: number;
}

/** As CONNECT carries it. */
export function willPacket(
  { topic, qos, retain, delaySeconds }: WillSpec,
  message: number,
  version: 4 | 5,
): NonNullable<IConnectPacket['will']> {
  const properties = version === 5 ? { properties: { willDelayInterval: delaySeconds } } : {};
  return { topic, qos, retain, payload: payloadOf(message), ...properties };
}

/** A payload begins with its message's id (history format). */
export function payloadOf(message: number): string {
  return `${message} .`;
}

/** The id a payload begins with; 0 for an empty one. -1, which no message has, when it is none of ours. */
export function messageOf(payload: string | Buffer): number {
  const text = payload.toString();
  if (text === '') return 0;
  const digits = /^\d+(?= )/.exec(text)?.[0];
  return digits === undefined ? -1 : Number(digits);
}
