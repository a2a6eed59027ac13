import type { MissingMembers } from '../../queries/index.ts';

/** Returns the members that at least one of the answers lacks. */
export function union(...gaps: readonly MissingMembers[]): { unreachable: string[]; tooOld: string[] } {
  const sorted = (ids: readonly string[]): string[] => [...new Set(ids)].sort();
  return {
    unreachable: sorted(gaps.flatMap(({ unreachable }) => unreachable)),
    tooOld: sorted(gaps.flatMap(({ tooOld }) => tooOld)),
  };
}
