import type { MemberContext } from '../context.ts';
import type { Home } from '../home/home.ts';
import type { Proposer } from '../log/proposer.ts';
import type { Replica } from '../log/replica.ts';

/** A draining leader asks again: one word can be lost. */
const transferIntervalMs = 1_000;
/** A client whose publishes the cluster has not answered by then is closed without: it sends them again elsewhere. */
const answersMsMax = 2_000;

/**
 * Leaves the cluster for now: leadership goes elsewhere, and clients are let go at a bounded rate, each once what it had
 * published is answered. Sessions need no handing over: they stand in the log.
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

  /** Who was asked to leave and is still here may stay, but has to publish again what was not taken: it is closed. */
  end(): void {
    this.#perSecond = null;
    this.#credit = 0;
    this.#transferAskedMs = -Infinity;
    this.#home.draining.closeDrained('draining', Infinity);
  }

  /** Once a turn. */
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
    // Without a leader nothing can be handed over: what was acked is on this disk and comes with the next start.
    if (leader === null) return true;
    if (!this.#home.draining.settled || this.#proposer.pendingCommands > 0) return false;
    return role !== 'leader' || (config?.members.length ?? 0) <= 1;
  }
}
