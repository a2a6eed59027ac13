import { conformanceSemantics } from '@mqtt-cluster/contracts';
import type { Command, SessionProgress } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Connection } from '../connections/connection.ts';

/** When this many QoS 1 items are acknowledged, a `progress` command is due at once. */
const doneCountMax = 1_000;
/**
 * Part of the interval after which acknowledgements join a batch that the home forms for other commands. An entry of
 * their own would cost every member as much as a message.
 */
const joinedPart = 1 / 4;
/** Acknowledgements of one connection after which a `progress` command is due at once, if the state waits. */
const hurriedDoneCount = 200;

interface Collected {
  done: number[];
  received: number[];
  completed: number[];
}

/**
 * Collects the acknowledgements of subscribers. Acknowledgements of QoS 2 messages are proposed in the same
 * turn. Acknowledgements of QoS 1 messages are proposed at intervals.
 */
export class AckProgress {
  readonly #context: MemberContext;
  #collected = new Map<Connection, Collected>();
  /** Connections for which an empty `progress` is proposed, or will be, that is not applied yet. */
  readonly #continuing = new Set<Connection>();
  #doneCount = 0;
  #urgent = false;
  #lastMs: number;

  constructor(context: MemberContext) {
    this.#context = context;
    this.#lastMs = context.nowMs;
  }

  done(connection: Connection, itemNumber: number): void {
    this.#of(connection).done.push(itemNumber);
    this.#doneCount++;
  }

  /**
   * Makes a `progress` command due at once when the connection has acknowledged many or all of the messages
   * that were sent to it.
   */
  hurry(connection: Connection): void {
    const done = this.#collected.get(connection)?.done.length ?? 0;
    if (done >= hurriedDoneCount || (done > 0 && connection.inFlight.size === 0)) this.#urgent = true;
  }

  /**
   * Makes a `progress` command due at once, although there is nothing to acknowledge: the cursors of the session
   * have reached the bound of an entry and continue with the next entry.
   */
  continueRetained(connection: Connection): void {
    if (this.#continuing.has(connection)) return;
    this.#continuing.add(connection);
    this.#of(connection);
    this.#urgent = true;
  }

  /** The `progress` command that continued the cursors of these connections is applied. */
  continued(connections: readonly Connection[]): void {
    for (const connection of connections) this.#continuing.delete(connection);
  }

  received(connection: Connection, packetId: number): void {
    this.#of(connection).received.push(packetId);
    this.#urgent = true;
  }

  completed(connection: Connection, packetId: number): void {
    this.#of(connection).completed.push(packetId);
    this.#urgent = true;
  }

  /**
   * Returns the collected acknowledgements of a connection that gets no more items, or null. They contain the
   * final report of the items that were sent to a connection with a replicated queue. If the connection stays, its
   * cursors continue with the next call of `continueRetained`.
   */
  takeLast(connection: Connection): Command | null {
    const collected = this.#collected.get(connection);
    const reports =
      this.#context.state.semantics >= conformanceSemantics && (!connection.clean || connection.shares);
    if (collected !== undefined) {
      this.#collected.delete(connection);
      this.#doneCount -= collected.done.length;
    }
    this.#continuing.delete(connection);
    if (!reports) {
      return collected ? { kind: 'progress', sessions: [toProgress(connection, collected)] } : null;
    }
    connection.reported = true;
    const progress = collected && toProgress(connection, collected);
    const { client, epoch } = connection;
    // Item numbers start at 1.
    const sentBelow = Math.max(1, connection.cursor);
    return { kind: 'progress', sessions: [{ ...progress, client, epoch, sentBelow }] };
  }

  /**
   * Returns the `progress` command that is due, and the connections whose cursors it continues.
   *
   * @param joinsBatch whether the home forms a batch in this turn anyway
   */
  takeDue(
    joinsBatch: boolean,
  ): { readonly command: Command; readonly continuing: readonly Connection[] } | null {
    if (this.#collected.size === 0) return null;
    const { progressMs } = this.#context.options.timings;
    const intervalMs = joinsBatch ? progressMs * joinedPart : progressMs;
    const due = this.#context.nowMs - this.#lastMs >= intervalMs;
    if (!due && !this.#urgent && this.#doneCount < doneCountMax) return null;
    const connections = [...this.#collected.keys()];
    const sessions = [...this.#collected].map(([connection, collected]) => toProgress(connection, collected));
    this.#forget();
    const continuing = connections.filter((connection) => this.#continuing.has(connection));
    return { command: { kind: 'progress', sessions }, continuing };
  }

  clear(): void {
    this.#continuing.clear();
    this.#forget();
  }

  #forget(): void {
    this.#collected = new Map();
    this.#doneCount = 0;
    this.#urgent = false;
    this.#lastMs = this.#context.nowMs;
  }

  #of(connection: Connection): Collected {
    let collected = this.#collected.get(connection);
    if (collected === undefined) {
      collected = { done: [], received: [], completed: [] };
      this.#collected.set(connection, collected);
    }
    return collected;
  }
}

function toProgress(connection: Connection, collected: Collected): SessionProgress {
  return { client: connection.client, epoch: connection.epoch, ...collected };
}
