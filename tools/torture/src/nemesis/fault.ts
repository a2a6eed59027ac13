/** Kinds of faults. `rolling` stops and starts one member after another. */
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

/** `earlier`: the build of the commit of `--from`; `current`: the build of this tree. */
export type BuildName = 'earlier' | 'current';

/** Positions of members in the list of servers, from 0. */
export type MemberGroup = readonly number[];

/** One fault of a plan. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /**
   * Groups of members. `cut`: the partitions; `one-way`: first the members whose packets get lost, then the
   * members that don't receive these packets; other faults: one group with all affected members.
   */
  readonly groups: readonly MemberGroup[];
  /**
   * Strength of the fault. `slow-disk`: delay of a sync, ms; `clock`: step, ms; `throttle`: bytes a second.
   */
  readonly value?: number;
  /** Pause between the starts of two members at the end of the fault, ms. */
  readonly staggerMs?: number;
  /**
   * Build with which the members start again, for the scenario `rolling-update`. It is set for `rolling`, and
   * for each `stop` of which a `rolling` fault consists.
   */
  readonly build?: BuildName;
  /**
   * Whether the fault affects the leader at the time of its beginning instead of the members in `groups`. The
   * members in `groups` are affected if the target has no way to find the leader. The fault is omitted and reported if
   * no member leads.
   */
  readonly leader?: true;
  /**
   * Whether the fault affects the member that runs the link at the time of its beginning, instead of the members in
   * `groups`. The fault is omitted and reported if no member runs the link.
   */
  readonly runner?: true;
  /**
   * Whether the fault affects the broker beyond the link: `groups` are then positions in the list of these brokers, and
   * the target replaces them by its choice. The network faults affect the connection between the link and these brokers.
   */
  readonly remote?: true;
  /** Pause between the previous fault of the slot and this fault, ms. */
  readonly afterMs?: number;
}

/** Faults that last at the same time, and the time without faults after them. */
export interface FaultSlot {
  readonly faults: readonly PlannedFault[];
  /** Time from the beginning of the last fault to the end of all faults, ms. */
  readonly holdMs: number;
  /** Time without faults after the end of all faults, ms. */
  readonly recoveryMs: number;
}

/** The slots of a run. Most plans are endless; the run executes slots until its time is over. */
export type FaultPlan = Generator<FaultSlot, void, void>;

/**
 * @returns the largest number of members that may lose their disks together without the loss of the majority
 */
export function minorityOf(members: number): number {
  return Math.floor((members - 1) / 2);
}
