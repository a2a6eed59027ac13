import type { Logger } from '@mqtt-cluster/contracts';
import type { ApplianceConfig } from '../config.ts';
import type { MemoryLimit } from './memory-limit.ts';

const mebibyte = 1024 * 1024;

/** Memory of the program itself: code, stacks, the publisher, HTTP and metrics. */
const programBytes = 128 * mebibyte;
/**
 * Memory of one client with TLS: 38 KiB when idle (docs/PERFORMANCE.md), and one incomplete TLS record of 16 KiB
 * (RFC 8446, 5.1).
 */
const bytesPerClient = 56 * 1024;
/** Memory of one connection before its authentication: less than that of an idle client with TLS. */
const bytesPerUnauthenticated = 32 * 1024;
/** Backlogs of the bridge towards one peer, in both directions of a link (libs/bridge/src/bounds.ts). */
const bytesPerPeer = 18 * mebibyte;
/** Writes that wait for the disk (libs/store/src/group-commit-queue.ts). */
const storeBytes = 256 * mebibyte;

/** One bound of the memory of a member. */
export interface MemoryBound {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Returns all bounds of memory in bytes. `replicatedBytes` is the bound of the replicated state, which the settings
 * of the cluster determine.
 */
export function memoryBounds(
  { mqtt, limits, peers }: Pick<ApplianceConfig, 'mqtt' | 'limits' | 'peers'>,
  replicatedBytes: number,
): readonly MemoryBound[] {
  const { clients } = limits;
  return [
    { name: 'replicated state', bytes: replicatedBytes },
    { name: 'mqtt.clientsMax', bytes: mqtt.clientsMax * bytesPerClient },
    {
      name: 'limits.clients.unauthenticatedMax',
      bytes: clients.unauthenticatedMax * bytesPerUnauthenticated,
    },
    { name: 'limits.clients.unauthenticatedBytesMax', bytes: clients.unauthenticatedBytesMax },
    { name: 'limits.clients.unfinishedBytesMax', bytes: clients.unfinishedBytesMax },
    { name: 'limits.clients.heldBytesMax', bytes: clients.heldBytesMax },
    { name: 'limits.clients.outgoingBytesMax', bytes: clients.outgoingBytesMax },
    // The log may grow to half of the last snapshot (libs/member/src/log/replica.ts).
    { name: 'limits.logBytesMax', bytes: Math.max(limits.logBytesMax, replicatedBytes / 2) },
    // The same number of bytes bounds the commands that wait for the log.
    { name: 'limits.outboxBytesMax', bytes: 2 * limits.outboxBytesMax },
    { name: 'bridge', bytes: (peers.length - 1) * bytesPerPeer },
    { name: 'store', bytes: storeBytes },
    { name: 'program', bytes: programBytes },
  ];
}

/**
 * Logs the sum of all bounds beside the memory that the process may use, and warns if the sum does not fit. Then the
 * member rejects clients before all its bounds are reached.
 */
export function reportMemory(
  bounds: readonly MemoryBound[],
  limit: MemoryLimit,
  heapLimitBytes: number,
  logger: Logger,
): void {
  const sumBytes = bounds.reduce((sum, { bytes }) => sum + bytes, 0);
  const fields = {
    sumBytes,
    limitBytes: limit.bytes,
    limitSource: limit.source,
    heapLimitBytes,
    bounds: Object.fromEntries(bounds.map(({ name, bytes }) => [name, bytes])),
  };
  logger.info(
    fields,
    `the bounds of memory sum up to ${inMebibytes(sumBytes)}; the process may use ${inMebibytes(limit.bytes)} ` +
      `(${limit.source}), V8 a heap of ${inMebibytes(heapLimitBytes)}`,
  );
  if (sumBytes > limit.bytes) {
    logger.warn(
      { sumBytes, limitBytes: limit.bytes },
      `the bounds of memory sum up to more than the process may use (${limit.source}): lower the largest bounds, or ` +
        'raise the memory of the unit or container and limits.memoryBytesMax',
    );
  }
  const heapBytesMax = Math.min(sumBytes, limit.bytes);
  if (heapLimitBytes < heapBytesMax) {
    logger.warn(
      { heapLimitBytes, sumBytes, limitBytes: limit.bytes },
      "V8's heap limit is below the bounds of memory: the member rejects clients at 80 % of the heap. Set NODE_OPTIONS to " +
        `--max-old-space-size=${Math.round((0.75 * limit.bytes) / mebibyte)}`,
    );
  }
}

function inMebibytes(bytes: number): string {
  return `${Math.round(bytes / mebibyte)} MiB`;
}
