import type { RefusalReason } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Proposer } from '../../log/proposer.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { SessionOpening } from './session-opening.ts';
import type { Takeovers } from './takeovers.ts';

/** Drains connections: the server redirects their clients to another member (P10). */
export class ConnectionDraining {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #connections: Connections;
  readonly #opening: SessionOpening;
  readonly #takeovers: Takeovers;

  constructor(
    context: MemberContext,
    parts: {
      proposer: Proposer;
      connections: Connections;
      opening: SessionOpening;
      takeovers: Takeovers;
    },
  ) {
    this.#context = context;
    this.#proposer = parts.proposer;
    this.#connections = parts.connections;
    this.#opening = parts.opening;
    this.#takeovers = parts.takeovers;
  }

  /** Begins or ends the drain of the whole member. */
  setActive(active: boolean): void {
    this.#takeovers.isDraining = active;
  }

  /**
   * Starts to drain up to `count` more connections: their new packets are ignored until {@link
   * ConnectionDraining.closeDrained}.
   */
  beginDraining(count: number): void {
    const { nowMs } = this.#context;
    const staying = this.#connections
      .all()
      .filter((each) => each.phase === 'open' && each.drainingSinceMs === null);
    for (const connection of staying.slice(0, count)) connection.drainingSinceMs = nowMs;
  }

  /**
   * Closes each draining connection whose packets are all answered, or that began to drain before `untilMs`.
   * The will of a moved client is not published if the client reconnects at another member.
   */
  closeDrained(reason: RefusalReason, untilMs: number): void {
    const leaving = this.#connections.all().filter((connection) => connection.drainingSinceMs !== null);
    if (leaving.length === 0) return;
    const unanswered = this.#unanswered();
    for (const connection of leaving) {
      if (unanswered.has(connection) && connection.drainingSinceMs! > untilMs) continue;
      this.#opening.move(connection, reason);
    }
  }

  /** True when every moved client has reconnected at another member or is treated as dead. */
  get settled(): boolean {
    return !this.#opening.awaitsMoved;
  }

  /** Returns the connections with a packet that the cluster has not answered yet. */
  #unanswered(): ReadonlySet<Connection> {
    const unanswered = new Set<Connection>();
    for (const { request, answered } of this.#proposer.unanswered()) {
      if (!answered && request !== null && 'connection' in request) unanswered.add(request.connection);
    }
    return unanswered;
  }
}
