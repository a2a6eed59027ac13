import type { BrokerLimits } from '@mqtt-cluster/broker';
import type { Logger } from '@mqtt-cluster/contracts';
import type { ApplianceConfig } from '../config.ts';
import { reportOpenFiles, socketsMax } from './open-files.ts';

/** Returns the limits of the broker that the settings and the open files of the process determine. */
export function brokerLimits(config: ApplianceConfig, logger: Logger): Partial<BrokerLimits> {
  const { mqtt, limits } = config;
  const { clients } = limits;
  const sockets = socketsMax();
  reportOpenFiles(sockets, config, logger);
  return {
    clientsMax: mqtt.clientsMax,
    packetBytesMax: mqtt.packetBytesMax,
    keepAliveSecondsMax: mqtt.keepAliveSecondsMax,
    unauthenticatedMax: clients.unauthenticatedMax,
    socketsMax: sockets,
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
