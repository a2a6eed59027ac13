import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import type { FaultKind } from '../nemesis/fault.ts';
import { defaultLimits } from '@mqtt-cluster/history-checker';
import { waitUntilServing } from './serving.ts';
import type { Target, ResourceUsage } from './target.ts';

/** A target of brokers that run already (`--brokers`). It supports no faults. */
export function brokersTarget(servers: readonly ServerAddress[]): Target {
  const notSupported = async (): Promise<void> => {
    throw new TortureError('the torture injects no faults into the brokers of --brokers');
  };
  return {
    name: 'brokers',
    servers,
    limits: defaultLimits,
    qosMax: 2,
    versions: [4, 5],
    sharesSubscriptions: true,
    supportedFaults: new Set<FaultKind>(),
    start: () => waitUntilServing(servers),
    begin: notSupported,
    end: notSupported,
    restore: () => waitUntilServing(servers),
    takeCrashes: () => [],
    usage: (): ResourceUsage[] => [],
    stop: async () => undefined,
  };
}
