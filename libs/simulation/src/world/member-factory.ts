import type { Member, MemberId, MessagePages, RecoveredState } from '@mqtt-cluster/contracts';
import { MemoryMessagePages } from '@mqtt-cluster/contracts/testing';
import { createMember, currentSemantics, defaultLimits, lanMemberTimings } from '@mqtt-cluster/member';
import type { MemberLimits, MemberObserver, SemanticsVersion } from '@mqtt-cluster/member';
import { messagePagesIn } from '@mqtt-cluster/store';
import type { PageDisk } from '../disk/page-disk.ts';
import { createRandom } from './random.ts';

/** Hooks of the world for one start of a member. */
interface SimulationHooks {
  /** The semantics version of its program. */
  readonly semantics: SemanticsVersion;
  readonly observer: MemberObserver;
  /** The disk of the message pages. Null: the pages are in memory. */
  readonly pages: PageDisk | null;
}

export type SimulatedMemberFactory = (
  id: MemberId,
  members: readonly MemberId[],
  recovered: RecoveredState,
  random: () => number,
  hooks?: SimulationHooks,
) => Member;

/** The settings of the members that a run varies. */
export interface SimulatedSettings {
  readonly whenIsolated: 'accept' | 'hold';
  readonly limits: MemberLimits;
}

/** Bounds that are small enough for snapshots, lagging members and comparisons of digests within seconds. */
export const smallLimits: MemberLimits = {
  ...defaultLimits,
  batchBytesMax: 2_048,
  batchesInFlightMax: 8,
  largeCommandBytes: 96,
  largeInFlightBytesMax: 512,
  logBytesMax: 48 * 1_024,
  keepEntries: 64,
  snapshotBytesPerTurnMax: 64,
  messageCacheBytesMax: 4_096,
  digestEvery: 32,
};

/** Bounds with frequent snapshots and a short log: a member that was away for a moment needs a snapshot. */
const tinyLimits: MemberLimits = {
  ...smallLimits,
  logBytesMax: 12 * 1_024,
  keepEntries: 8,
  messageCacheBytesMax: 0,
};

/** Chooses the settings of a seed's run. */
export function settingsForSeed(seed: number): SimulatedSettings {
  const random = createRandom(seed ^ 0x5eed);
  return {
    whenIsolated: random.chance(0.8) ? 'accept' : 'hold',
    limits: random.chance(0.3)
      ? tinyLimits
      : random.chance(0.6)
        ? smallLimits
        : { ...defaultLimits, digestEvery: 64 },
  };
}

/** Settings with a cache that is full after a few messages, so that the others are on pages. */
export function settingsWithPages(seed: number): SimulatedSettings {
  const settings = settingsForSeed(seed);
  const messageCacheBytesMax = createRandom(seed ^ 0xcac4e).pick([0, 512, 2_048]);
  return { ...settings, limits: { ...settings.limits, messageCacheBytesMax } };
}

/** Sizes of page files that are small enough for many files within seconds. */
const pageSizes = { fileBytes: 4_096, bufferBytes: 256, blockBytes: 512 };

/** Opens the pages of a starting process: in files of the disk, or in memory. */
function pagesOf(disk: PageDisk | null): () => MessagePages {
  if (disk !== null) return messagePagesIn('pages', { ...pageSizes, system: disk });
  return () => {
    let writes = 0;
    // The pages reject every seventh write, so that some messages stay in memory longer than others.
    return new MemoryMessagePages(() => ++writes % 7 > 0);
  };
}

/** Returns a factory of members with these settings, for {@link World}. */
export function simulatedMemberFactory(settings: SimulatedSettings): SimulatedMemberFactory {
  return (id, members, recovered, random, hooks) =>
    createMember({
      id,
      members,
      urls: [`mqtt://${id}`],
      recovered,
      whenIsolated: settings.whenIsolated,
      timings: lanMemberTimings,
      limits: settings.limits,
      openMessagePages: pagesOf(hooks?.pages ?? null),
      random,
      semantics: hooks?.semantics ?? currentSemantics,
      ...(hooks === undefined ? {} : { observer: hooks.observer }),
    });
}
