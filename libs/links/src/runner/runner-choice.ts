import type { MemberId, ServingState } from '@mqtt-cluster/contracts';
import { rendezvousOrder } from '@mqtt-cluster/failover-client';

/** What a member knows about the other members when it decides. */
export interface RunnerView {
  readonly self: MemberId;
  /** State of this member. */
  readonly state: ServingState;
  /** The home of the session of the link, or null. */
  readonly home: MemberId | null;
  /** True if this process holds the session of the link. */
  readonly runsHere: boolean;
  /** State of the home as of its last hello message; absent without one. */
  readonly homeState?: ServingState;
  /** True if the host of the home rejects connections: its process is dead. */
  readonly isHomeDead: boolean;
}

/**
 * `keep`: this member runs the link, or another one does. `leave`: this member must stop the link. `choose`: no member runs
 * the link, so the members that may run it decide by their order.
 */
export type RunnerStep = 'keep' | 'leave' | 'choose';

/** Decides what a member does about a link that is not paused. */
export function runnerStep(view: RunnerView): RunnerStep {
  const { self, state, home, runsHere } = view;
  if (runsHere) return state === 'serving' ? 'keep' : 'leave';
  if (state !== 'serving') return 'keep';
  // After a restart, the state still names this member as the home of the session of its former process.
  if (home === null || home === self || view.isHomeDead || view.homeState === 'draining') return 'choose';
  return 'keep';
}

/** The answer of a member to the question whether it may run a link. */
export interface Candidate {
  readonly member: MemberId;
  readonly mayRun: boolean;
}

/**
 * Returns the position of this member among those that may run the link, or null if it may not. The member at position 0
 * starts at once. Each further one waits in case that the ones before it fail.
 */
export function positionOf(self: MemberId, link: string, candidates: readonly Candidate[]): number | null {
  const able = candidates.filter(({ mayRun }) => mayRun).map(({ member }) => member);
  const position = rendezvousOrder(link, able).indexOf(self);
  return position < 0 ? null : position;
}
