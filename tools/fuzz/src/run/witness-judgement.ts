import type { WitnessReport } from '@mqtt-cluster/workload';
import type { MachineLoad } from './machine-load.ts';

/**
 * A member closes the connection of a silent client, and the client that of a silent member, within this time: the witness has a
 * keep-alive of 5 s.
 */
const keepAliveMsMax = 15_000;

/**
 * Returns one sentence for the lost connections that count as a fault, and one for those at a time when the member or this
 * process was starved.
 */
export function judgeDisconnects(
  { disconnected }: Pick<WitnessReport, 'disconnected'>,
  ids: readonly string[],
  load: Pick<MachineLoad, 'isStarved'>,
): { readonly faults: string[]; readonly inconclusive: string[] } {
  const starved = disconnected.filter(({ member, atMs }) =>
    load.isStarved(atMs - keepAliveMsMax, atMs, [ids[member]!]),
  ).length;
  const sentence = (count: number): string[] =>
    count === 0 ? [] : [`witness: ${count} connections were lost`];
  return { faults: sentence(disconnected.length - starved), inconclusive: sentence(starved) };
}
