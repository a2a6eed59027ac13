import type { MemberId, ServingState } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import type { Proposer } from '../log/proposer.ts';

/**
 * A start that hears no leader serves what it has only after this many times the bound: until then it is more likely that the
 * leader has not found it yet, and that what it has is old (P10: READY is for who has everything).
 */
const joiningFactor = 4;

/**
 * Whether this member serves: `joining` until its own start has been applied (so it has everything before it),
 * `isolated` while there is no leader or its own proposals make no progress (design, section 6).
 */
export class Serving {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  #leaderSeenMs: number;
  #isolatedAtMs: number | null = null;
  #joined = false;
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

  /** The last index applied when the majority was lost. */
  get isolatedSinceIndex(): number {
    return this.#isolatedSinceIndex;
  }

  get accepts(): boolean {
    return this.isolated && this.#context.options.whenIsolated === 'accept';
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

  /** @returns whether the member has just become isolated. */
  update(leader: MemberId | null, isMember: boolean, waitingFor: string): boolean {
    const { nowMs, state, options } = this.#context;
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

  /** After a pause, or for who belongs to no cluster yet: there was no leader to miss, and nothing has stalled. */
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
    if (this.#draining) return ['draining', 'it leaves the cluster for now'];
    if (this.isolated)
      return ['isolated', cutOff ? 'no majority: no leader is heard' : 'no majority: proposals stall'];
    return this.#joined && isMember ? ['serving', ''] : ['joining', waitingFor];
  }
}
