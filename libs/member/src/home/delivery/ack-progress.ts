import type { Command, SessionProgress } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';
import type { Connection } from '../connections/connection.ts';

/** QoS 1 items are told at the latest when so many wait, whatever the time. */
const doneCountMax = 1_000;

interface Gathered {
  done: number[];
  received: number[];
  completed: number[];
}

/** Gathers what subscribers acknowledged; QoS 2 steps leave with the turn, QoS 1 progress now and then. */
export class AckProgress {
  readonly #context: MemberContext;
  #gathered = new Map<Connection, Gathered>();
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

  received(connection: Connection, packetId: number): void {
    this.#of(connection).received.push(packetId);
    this.#urgent = true;
  }

  completed(connection: Connection, packetId: number): void {
    this.#of(connection).completed.push(packetId);
    this.#urgent = true;
  }

  /** What one connection still has to tell; before it closes. */
  takeOne(connection: Connection): Command | null {
    const gathered = this.#gathered.get(connection);
    if (gathered === undefined) return null;
    this.#gathered.delete(connection);
    this.#doneCount -= gathered.done.length;
    return { kind: 'progress', sessions: [toProgress(connection, gathered)] };
  }

  takeDue(): Command | null {
    if (this.#gathered.size === 0) return null;
    const due = this.#context.nowMs - this.#lastMs >= this.#context.options.timings.progressMs;
    if (!due && !this.#urgent && this.#doneCount < doneCountMax) return null;
    const sessions = [...this.#gathered].map(([connection, gathered]) => toProgress(connection, gathered));
    this.clear();
    return { kind: 'progress', sessions };
  }

  clear(): void {
    this.#gathered = new Map();
    this.#doneCount = 0;
    this.#urgent = false;
    this.#lastMs = this.#context.nowMs;
  }

  #of(connection: Connection): Gathered {
    let gathered = this.#gathered.get(connection);
    if (gathered === undefined) {
      gathered = { done: [], received: [], completed: [] };
      this.#gathered.set(connection, gathered);
    }
    return gathered;
  }
}

function toProgress(connection: Connection, gathered: Gathered): SessionProgress {
  return { client: connection.client, epoch: connection.epoch, ...gathered };
}
