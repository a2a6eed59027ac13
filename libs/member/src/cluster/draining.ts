import type { MemberContext } from '../context.ts';
import type { Home } from '../home/home.ts';
import type { Proposer } from '../log/proposer.ts';
import type { Replica } from '../log/replica.ts';

/** Interval at which a draining leader repeats the leadership transfer, whose message may be lost. */
const transferIntervalMs = 1_000;
/**
 * Longest wait for the answers to a client's publishes. Then the member closes the client, which publishes
 * again elsewhere.
 */
const answersMsMax = 2_000;

/**
 * Drains this member: transfers leadership and closes client connections at a bounded rate, each one after
 * its publishes are answered. Sessions are part of the replicated state, so they need no transfer.
 */
export class Draining {
  readonly #context: MemberContext;
  readonly #home: Home;
  readonly #proposer: Proposer;
  readonly #replica: Replica;
  #perSecond: number | null = null;
  #credit = 0;
  #transferAskedMs = -Infinity;

  constructor(context: MemberContext, parts: { home: Home; proposer: Proposer; replica: Replica }) {
    this.#context = context;
    this.#home = parts.home;
    this.#proposer = parts.proposer;
    this.#replica = parts.replica;
  }

  begin(perSecond: number): void {
    this.#perSecond = perSecond;
  }

  /**
   * Ends the drain. Connections that are already draining are closed, because the member has ignored their
   * newest publishes.
   */
  end(): void {
    this.#perSecond = null;
    this.#credit = 0;
    this.#transferAskedMs = -Infinity;
    this.#home.draining.closeDrained('draining', Infinity);
  }

  /** Called once a turn. */
  tick(elapsedMs: number): void {
    if (this.#perSecond === null) return;
    const { nowMs } = this.#context;
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
    // Without a leader the member can transfer nothing. Acknowledged messages are on its disk and are
    // proposed after the next start.
    if (leader === null) return true;
    if (!this.#home.draining.settled || this.#proposer.pendingCommands > 0) return false;
    return role !== 'leader' || (config?.members.length ?? 0) <= 1;
  }
}
