import type { RefusalReason } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Proposer } from '../../log/proposer.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { SessionOpening } from './session-opening.ts';

/** Connections that are asked to go elsewhere, and how they end (design, P10). */
export class ConnectionDraining {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #connections: Connections;
  readonly #opening: SessionOpening;

  constructor(
    context: MemberContext,
    parts: { proposer: Proposer; connections: Connections; opening: SessionOpening },
  ) {
    this.#context = context;
    this.#proposer = parts.proposer;
    this.#connections = parts.connections;
    this.#opening = parts.opening;
  }

  /** From up to `count` more connections nothing new is taken: they are closed soon, see {@link ConnectionDraining.closeDrained}. */
  beginDraining(count: number): void {
    const { nowMs } = this.#context;
    const staying = this.#connections
      .all()
      .filter((each) => each.phase === 'open' && each.drainingSinceMs === null);
    for (const connection of staying.slice(0, count)) connection.drainingSinceMs = nowMs;
  }

  /**
   * Closes who was asked to leave and has all answers, or was asked before `untilMs`. No wills of those who come back
   * elsewhere: they are being moved, they did not die.
   */
  closeDrained(reason: RefusalReason, untilMs: number): void {
    const leaving = this.#connections.all().filter((connection) => connection.drainingSinceMs !== null);
    if (leaving.length === 0) return;
    const owed = this.#unanswered();
    for (const connection of leaving) {
      if (owed.has(connection) && connection.drainingSinceMs! > untilMs) continue;
      this.#opening.move(connection, reason);
    }
  }

  /** All who left are elsewhere, or count as dead. */
  get settled(): boolean {
    return !this.#opening.awaitsMoved;
  }

  /** The connections that wait for an answer of the cluster. */
  #unanswered(): ReadonlySet<Connection> {
    const owed = new Set<Connection>();
    for (const { request, answered } of this.#proposer.unanswered()) {
      if (!answered && request !== null && request.kind !== 'recover') owed.add(request.connection);
    }
    return owed;
  }
}
