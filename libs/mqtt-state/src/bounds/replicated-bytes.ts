import type { ClusterSettings } from '@mqtt-cluster/contracts';
import { tombstoneBytesMax } from '../topics/retained-messages.ts';
import { sessionBytes } from './sizes.ts';

/** The bounds of the replicated state, bytes of memory. */
export interface ReplicatedBytesMax {
  readonly queues: number;
  readonly retained: number;
  readonly subscriptions: number;
  readonly wills: number;
  readonly sessions: number;
  readonly tombstones: number;
  /** Sum of all other fields. */
  readonly total: number;
}

/**
 * Returns the bounds in bytes that the settings give the replicated state. Every member holds all of it. Not
 * included are users and rules (`accessUsersBytesMax`, `accessRulesBytesMax`), the log and the snapshot.
 */
export function replicatedBytesMax(settings: ClusterSettings): ReplicatedBytesMax {
  const parts = {
    queues: settings.clusterQueueMemoryMax + settings.connectedQueueReserve,
    retained: settings.retainedBytesMax,
    subscriptions: settings.subscriptionBytesMax,
    wills: settings.willBytesMax,
    sessions: settings.sessionsMax * sessionBytes,
    tombstones: tombstoneBytesMax,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}
