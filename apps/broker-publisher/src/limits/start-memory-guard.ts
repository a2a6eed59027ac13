import type { Broker } from '@mqtt-cluster/broker';
import type { EverySecond, Logger, MemberStatus } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { ApplianceConfig } from '../config.ts';
import { heapLimitBytes, MemoryGuard } from './memory-guard.ts';
import { memoryLimit } from './memory-limit.ts';
import { memoryBounds, reportMemory } from './memory-report.ts';

interface GuardedParts {
  readonly config: ApplianceConfig;
  readonly broker: Broker;
  /** Bound of the replicated state, bytes. */
  readonly replicatedBytes: number;
  /** Returns the bytes of the replicated state by kind. */
  readonly stateBytes: () => MemberStatus['stateBytes'];
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly everySecond: EverySecond;
}

/** Logs the bounds of memory, and keeps the process below the memory that it may use until the guard is stopped. */
export async function startMemoryGuard(parts: GuardedParts): Promise<MemoryGuard> {
  const { config, broker, replicatedBytes, stateBytes, metrics, logger, everySecond } = parts;
  const limit = memoryLimit(config.limits.memoryBytesMax);
  reportMemory(memoryBounds(config, replicatedBytes), limit, heapLimitBytes(), logger);
  const guard = new MemoryGuard({
    limitBytes: limit.bytes,
    metrics,
    logger,
    everySecond,
    onPressure: (pressure) => broker.setMemoryPressure(pressure),
    onPublishesRefused: (refused) => broker.setPublishesRefused(refused),
    stateBytes: () => Object.values(stateBytes()).reduce((sum, { bytes }) => sum + bytes, 0),
  });
  await guard.start();
  return guard;
}
