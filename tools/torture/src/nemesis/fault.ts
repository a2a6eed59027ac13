/** Faults of a target. `rolling` stops and starts one member after another. */
export const faultKinds = [
  'kill',
  'stop',
  'pause',
  'wipe',
  'rolling',
  'cut',
  'one-way',
  'flap',
  'slow',
  'throttle',
  'full-disk',
  'slow-disk',
  'clock',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** `earlier`: built from the commit that `--from` names; `current`: this tree's own build. */
export type BuildName = 'earlier' | 'current';

/** Members by position, from 0. */
export type Group = readonly number[];

export interface PlannedFault {
  readonly kind: FaultKind;
  /**
   * `cut`: the partitions; `one-way`: the members whose packets get lost, then the members that don't receive them;
   * otherwise one group.
   */
  readonly groups: readonly Group[];
  /** `slow-disk`: delay of a sync, ms; `clock`: step, ms; `throttle`: bytes a second. */
  readonly value?: number;
  /** Pause between the starts of the members of the group, ms. */
  readonly staggerMs?: number;
  /** `rolling`, and its single stops: the build with which the member starts again (`--from`). */
  readonly build?: BuildName;
  /** Pause between the fault before it in the slot and this one, ms. */
  readonly afterMs?: number;
}

/** Faults that last at the same time, and the time without faults after them. */
export interface Slot {
  readonly faults: readonly PlannedFault[];
  readonly holdMs: number;
  readonly recoveryMs: number;
}

/** The faults of a run, slot after slot. Most plans are endless; the run takes slots as long as it lasts. */
export type Plan = Generator<Slot, void, void>;

/** @returns how many members may lose their disks at the same time: a majority must still have the data */
export function minorityOf(members: number): number {
  return Math.floor((members - 1) / 2);
}
