import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import type { FaultKind } from '../nemesis/fault.ts';
import { defaultLimits } from '@mqtt-cluster/history-checker';
import { waitUntilServing } from './serving.ts';
import type { Target, Usage } from './target.ts';

/** Brokers that somebody else runs: load and judge only. */
export function brokersTarget(servers: readonly ServerAddress[]): Target {
  const cannot = async (): Promise<void> => {
    throw new TortureError('brokers that run elsewhere suffer no faults from here');
  };
  return {
    name: 'brokers',
    servers,
    limits: defaultLimits,
    qosMax: 2,
    versions: [4, 5],
    sharesSubscriptions: true,
    can: new Set<FaultKind>(),
    start: () => waitUntilServing(servers),
    begin: cannot,
    end: cannot,
    restore: () => waitUntilServing(servers),
    takeCrashes: () => [],
    usage: (): Usage[] => [],
    stop: async () => undefined,
  };
}
