import { generate } from 'mqtt-packet';
import type { IConnackPacket } from 'mqtt-packet';
import type { BrokerLimits } from '../options.ts';

export interface ConnackDetails {
  readonly limits: BrokerLimits;
  readonly assignedClient: string | undefined;
  readonly serverKeepAlive: number | undefined;
}

/** CONNACK of success; to MQTT 5 with what the server can do and takes (MQTT 5, 3.2.2.3). */
export function acceptingConnack(version: number, sessionPresent: boolean, details: ConnackDetails): Buffer {
  if (version < 5) return Buffer.from([0x20, 2, sessionPresent ? 1 : 0, 0]);
  const { limits, assignedClient, serverKeepAlive } = details;
  const packet: IConnackPacket = {
    cmd: 'connack',
    sessionPresent,
    reasonCode: 0,
    properties: {
      receiveMaximum: limits.receiveMaximum,
      maximumPacketSize: limits.packetBytesMax,
      topicAliasMaximum: limits.topicAliasMaximum,
      retainAvailable: true,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: true,
      sharedSubscriptionAvailable: true,
      ...(assignedClient !== undefined && { assignedClientIdentifier: assignedClient }),
      ...(serverKeepAlive !== undefined && { serverKeepAlive }),
    },
  };
  return generate(packet, { protocolVersion: 5 });
}
