import type { QoS } from '@mqtt-cluster/contracts';
import type { IConnackPacket } from 'mqtt-packet';

/** Limits of the other broker, from its CONNACK. */
export interface RemoteLimits {
  readonly sessionPresent: boolean;
  readonly receiveMaximum: number;
  readonly qosMax: QoS;
  readonly packetBytesMax: number;
  readonly retains: boolean;
}

/** Returns the limits in a CONNACK, with the defaults of the standard [MQTT5 3.2.2.3]. */
export function limitsOf({ sessionPresent, properties = {} }: IConnackPacket): RemoteLimits {
  const { receiveMaximum = 65_535, maximumQoS = 2, maximumPacketSize, retainAvailable } = properties;
  return {
    sessionPresent,
    receiveMaximum,
    qosMax: maximumQoS as QoS,
    packetBytesMax: maximumPacketSize ?? Infinity,
    retains: retainAvailable !== false,
  };
}
