import type { MemberId, ServingState } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import type { Proposer } from '../log/proposer.ts';

/**
 * Factor on the isolation timeout for a member that has not joined since its start. A leader has probably not
 * connected to it yet, and its state may be old (P10: a member is ready only when it has all entries).
 */
const joiningFactor = 4;

/**
 * The serving state of this member. The member is `joining` until its own `start` command is applied, because
 * only then has it applied all earlier entries. It is `isolated` while it has no leader or its proposals make
 * no progress (docs/DESIGN.md, "Loss of quorum").
 */
export class Serving {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  #leaderSeenMs: number;
  #isolatedAtMs: number | null = null;
  #joined = false;
  #votes = false;
  #draining = false;
  #state: ServingState = 'joining';
  #reason = 'starting';
  #isolatedSinceIndex = 0;

  constructor(context: MemberContext, proposer: Proposer) {
    this.#context = context;
    this.#proposer = proposer;
    this.#leaderSeenMs = context.nowMs;
  }

  get state(): ServingState {
    return this.#state;
  }

  get reason(): string {
    return this.#reason;
  }

  get isolated(): boolean {
    return this.#isolatedAtMs !== null;
  }

  /** The last applied index when the member became isolated. */
  get isolatedSinceIndex(): number {
    return this.#isolatedSinceIndex;
  }

  /**
   * True while this member acknowledges messages from its own disk alone. A member without a vote never does, because the
   * leader may be removing it (see `Removal`).
   */
  get accepts(): boolean {
    return this.isolated && this.#votes && this.#context.options.whenIsolated === 'accept';
  }

  joined(): void {
    this.#joined = true;
  }

  drain(): void {
    this.#draining = true;
  }

  undrain(): void {
    this.#draining = false;
  }

  /** @returns true when the member has just become isolated */
  update(
    leader: MemberId | null,
    { isMember, votes }: { isMember: boolean; votes: boolean },
    waitingFor: string,
  ): boolean {
    const { nowMs, state, options } = this.#context;
    this.#votes = votes;
    if (leader !== null) this.#leaderSeenMs = nowMs;
    if (!isMember) this.resetTimers();
    const stalledSinceMs = this.#proposer.stalledSinceMs();
    const limitMs = options.timings.isolatedAfterMs * (this.#joined ? 1 : joiningFactor);
    const cutOff = nowMs - this.#leaderSeenMs >= limitMs;
    const stalled = stalledSinceMs !== null && nowMs - stalledSinceMs >= limitMs;
    let becameIsolated = false;
    if (!this.isolated && isMember && (cutOff || stalled)) {
      this.#isolatedAtMs = nowMs;
      this.#isolatedSinceIndex = state.index;
      becameIsolated = true;
    } else if (!isMember) {
      this.#isolatedAtMs = null;
    } else if (this.isolated && leader !== null && this.#hasProgress(stalledSinceMs))
      this.#isolatedAtMs = null;
    this.#set(cutOff, isMember, waitingFor);
    return becameIsolated;
  }

  /**
   * Restarts the isolation timeouts. Called after a pause of the process and while the member belongs to no
   * cluster, because neither state is a loss of quorum.
   */
  resetTimers(): void {
    this.#leaderSeenMs = this.#context.nowMs;
    this.#proposer.resetStall();
  }

  #hasProgress(stalledSinceMs: number | null): boolean {
    return stalledSinceMs === null || stalledSinceMs > this.#isolatedAtMs!;
  }

  #set(cutOff: boolean, isMember: boolean, waitingFor: string): void {
    const [state, reason] = this.#stateAndReason(cutOff, isMember, waitingFor);
    if (state !== this.#state) this.#context.events.push({ kind: 'state', state, reason });
    this.#state = state;
    this.#reason = reason;
  }

  #stateAndReason(cutOff: boolean, isMember: boolean, waitingFor: string): [ServingState, string] {
    if (this.#draining) return ['draining', 'this member is draining its clients'];
    if (this.isolated)
      return [
        'isolated',
        cutOff ? 'no majority: no leader is connected' : 'no majority: proposals are not committed',
      ];
    return this.#joined && isMember ? ['serving', ''] : ['joining', waitingFor];
  }
}
