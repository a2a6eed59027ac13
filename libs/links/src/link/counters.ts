import { linkDropReasons } from '@mqtt-cluster/metric-catalogue';
import type { LinkDropReason } from '@mqtt-cluster/metric-catalogue';
import type { LinkCounters } from '../types.ts';

export function createCounters(): LinkCounters {
  return {
    sent: [0, 0, 0],
    received: [0, 0, 0],
    dropped: Object.fromEntries(linkDropReasons.map((reason) => [reason, 0])) as Record<
      LinkDropReason,
      number
    >,
    reconnects: 0,
    possibleDuplicates: 0,
    keptAside: 0,
  };
}
