/** What can be done to a target; `rolling` is `stop` of one after the other. */
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
  /** `cut`: what is parted from each other; `one-way`: who is not heard, by whom. Otherwise one group. */
  readonly groups: readonly Group[];
  /** `slow-disk`: ms a sync; `clock`: ms; `throttle`: bytes a second. */
  readonly value?: number;
  /** Processes come back in the order of the group, so long one after the other. */
  readonly staggerMs?: number;
  /** `rolling`, and the stops that it consists of: the build with which a member starts again (`--from`). */
  readonly build?: BuildName;
  /** It begins so long after the one before it in its slot. */
  readonly afterMs?: number;
}

/** Faults that hold together, and the peace after them. */
export interface Slot {
  readonly faults: readonly PlannedFault[];
  readonly holdMs: number;
  readonly peaceMs: number;
}

/** A plan has no end; the run takes from it as long as it lasts. */
export type Plan = Generator<Slot, void, void>;

/** How many members may lose their disks at the same time: their data must still stand on a majority's worth of others. */
export function minorityOf(members: number): number {
  return Math.floor((members - 1) / 2);
}
