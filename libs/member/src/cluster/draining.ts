import type { MemberContext } from '../context.ts';
import type { Home } from '../home/home.ts';
import type { Proposer } from '../log/proposer.ts';
import type { Replica } from '../log/replica.ts';

/**
 * Interval at which a draining leader repeats the leadership transfer. The message that transfers leadership
 * may be lost.
 */
const transferIntervalMs = 1_000;
/**
 * How long a draining member waits for the acknowledgements of a client's publishes. After that the member
 * closes the connection, and the client publishes again at another member.
 */
const answersMsMax = 2_000;

/**
 * Drains this member: transfers leadership and closes client connections at a bounded rate, each one after
 * its publishes are acknowledged. Sessions are part of the replicated state, so they need no transfer.
 */
export class Draining {
  readonly #context: MemberContext;
  readonly #home: Home;
  readonly #proposer: Proposer;
  readonly #replica: Replica;
  #perSecond: number | null = null;
  #credit = 0;
  #transferAskedMs = -Infinity;
  /** When this member last followed a leader, or began to drain. */
  #followedMs = 0;

  constructor(context: MemberContext, parts: { home: Home; proposer: Proposer; replica: Replica }) {
    this.#context = context;
    this.#home = parts.home;
    this.#proposer = parts.proposer;
    this.#replica = parts.replica;
  }

  begin(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#followedMs = this.#context.nowMs;
    this.#home.draining.setActive(true);
  }

  /**
   * Ends the drain. Connections that are already draining are closed, because the member has ignored their
   * newest publishes.
   */
  end(): void {
    this.#perSecond = null;
    this.#credit = 0;
    this.#transferAskedMs = -Infinity;
    this.#home.draining.setActive(false);
    this.#home.draining.closeDrained('draining', Infinity);
  }

  /** Called once a turn. */
  tick(elapsedMs: number): void {
    if (this.#perSecond === null) return;
    const { nowMs } = this.#context;
    if (this.#replica.status.leader !== null) this.#followedMs = nowMs;
    if (nowMs - this.#transferAskedMs >= transferIntervalMs && this.#replica.status.role === 'leader') {
      this.#transferAskedMs = nowMs;
      this.#replica.raft.transferLeadership();
    }
    this.#credit += (elapsedMs / 1_000) * this.#perSecond;
    const whole = Math.floor(this.#credit);
    if (whole > 0) {
      this.#credit -= whole;
      this.#home.draining.beginDraining(whole);
    }
    this.#home.draining.closeDrained('draining', nowMs - answersMsMax);
  }

  get done(): boolean {
    if (this.#perSecond === null || this.#home.connections > 0) return false;
    const { role, leader, config } = this.#replica.status;
    if (leader === null) {
      // An election takes a moment. A member that stopped meanwhile would delay the wills of moved clients.
      // After a longer time without a leader the member can transfer nothing. Messages with a degraded
      // acknowledgement are in its outbox on disk, and the member proposes them after its next start.
      const { nowMs, options } = this.#context;
      return nowMs - this.#followedMs >= options.timings.isolatedAfterMs;
    }
    if (!this.#home.draining.settled || this.#proposer.pendingCommands > 0) return false;
    return role !== 'leader' || (config?.members.length ?? 0) <= 1;
  }
}
