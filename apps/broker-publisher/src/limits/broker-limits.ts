import type { BrokerLimits } from '@mqtt-cluster/broker';
import type { ApplianceConfig } from '../config.ts';
import { socketsMax } from './open-files.ts';

/** Returns the limits of the broker that the settings determine. */
export function brokerLimits({ mqtt, limits }: ApplianceConfig): Partial<BrokerLimits> {
  const { clients } = limits;
  return {
    clientsMax: mqtt.clientsMax,
    packetBytesMax: mqtt.packetBytesMax,
    keepAliveSecondsMax: mqtt.keepAliveSecondsMax,
    unauthenticatedMax: clients.unauthenticatedMax,
    socketsMax: socketsMax(),
    connectionsPerAddressMax: clients.perAddressMax,
    connectionsPerUserMax: clients.perUserMax,
    connectsPerSecondMax: clients.connectsPerSecondMax,
    publishesPerSecondMax: clients.publishesPerSecondMax,
    publishBytesPerSecondMax: clients.publishBytesPerSecondMax,
    unauthenticatedBytesMax: clients.unauthenticatedBytesMax,
    unfinishedBytesMax: clients.unfinishedBytesMax,
    heldBytesTotalMax: clients.heldBytesMax,
    outgoingBytesTotalMax: clients.outgoingBytesMax,
  };
}
