import type { RefusalReason } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Proposer } from '../../log/proposer.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Opening } from './session-opening.ts';

/** Connections that are asked to go elsewhere, and how they end (design, P10). */
export class Departures {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #connections: Connections;
  readonly #opening: Opening;

  constructor(
    context: MemberContext,
    parts: { proposer: Proposer; connections: Connections; opening: Opening },
  ) {
    this.#context = context;
    this.#proposer = parts.proposer;
    this.#connections = parts.connections;
    this.#opening = parts.opening;
  }

  /** From up to `count` more connections nothing new is taken: they are closed soon, see {@link Departures.closeLeaving}. */
  askToLeave(count: number): void {
    const { nowMs } = this.#context;
    const staying = this.#connections
      .all()
      .filter((each) => each.phase === 'open' && each.leavingSinceMs === null);
    for (const connection of staying.slice(0, count)) connection.leavingSinceMs = nowMs;
  }

  /**
   * Closes who was asked to leave and has all answers, or was asked before `untilMs`. No wills of those who come back
   * elsewhere: they are being moved, they did not die.
   */
  closeLeaving(reason: RefusalReason, untilMs: number): void {
    const leaving = this.#connections.all().filter((connection) => connection.leavingSinceMs !== null);
    if (leaving.length === 0) return;
    const owed = this.#owed();
    for (const connection of leaving) {
      if (owed.has(connection) && connection.leavingSinceMs! > untilMs) continue;
      this.#opening.move(connection, reason);
    }
  }

  /** All who left are elsewhere, or count as dead. */
  get settled(): boolean {
    return !this.#opening.awaitsMoved;
  }

  /** The connections that wait for an answer of the cluster. */
  #owed(): ReadonlySet<Connection> {
    const owed = new Set<Connection>();
    for (const { request, answered } of this.#proposer.unanswered()) {
      if (!answered && request !== null && request.kind !== 'recover') owed.add(request.connection);
    }
    return owed;
  }
}
