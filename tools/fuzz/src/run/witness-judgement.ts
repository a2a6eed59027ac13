import type { WitnessReport } from '@mqtt-cluster/workload';
import type { MachineLoad } from './machine-load.ts';

/** A client of the witness loses its connection at the latest this time after its member or this process stopped to work. */
const keepAliveMsMax = 15_000;

/** Returns the lost connections of the witness that the attack explains, and those that a starved machine explains. */
export function judgeDisconnects(
  { disconnected }: Pick<WitnessReport, 'disconnected'>,
  ids: readonly string[],
  load: Pick<MachineLoad, 'isStarved'>,
): { readonly faults: string[]; readonly notJudged: string[] } {
  const starved = disconnected.filter(({ member, atMs }) =>
    load.isStarved(atMs - keepAliveMsMax, atMs, [ids[member]!]),
  ).length;
  const sentence = (count: number): string[] =>
    count === 0 ? [] : [`witness: the server closed its connections ${count} times`];
  return { faults: sentence(disconnected.length - starved), notJudged: sentence(starved) };
}
