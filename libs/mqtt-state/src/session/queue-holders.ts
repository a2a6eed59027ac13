import type { Session } from './session.ts';

/**
 * The sessions with queued messages, the largest queue first. Equal queues are in the order of their client ids,
 * so all members find the same session. It exists only while the cluster's queues are near their bound.
 */
export class QueueHolders {
  readonly #absent = new HolderHeap();
  readonly #connected = new HolderHeap();

  constructor(sessions: Iterable<Session>) {
    for (const session of sessions) this.update(session);
  }

  /** Returns the largest queue of an absent session. */
  get largestAbsent(): Session | undefined {
    return this.#absent.largest;
  }

  /** Number of connected sessions with queued messages. */
  get connectedCount(): number {
    return this.#connected.size;
  }

  /** Returns the largest queue of all sessions. */
  get largest(): Session | undefined {
    const absent = this.#absent.largest;
    const connected = this.#connected.largest;
    return absent && connected ? (isLarger(connected, absent) ? connected : absent) : (absent ?? connected);
  }

  /** Called after a change of the session's queue or home. */
  update(session: Session): void {
    const [heap, other] = session.home ? [this.#connected, this.#absent] : [this.#absent, this.#connected];
    other.remove(session);
    if (session.items.memory > 0) heap.update(session);
    else heap.remove(session);
  }
}

/** A binary heap with the position of each session. */
class HolderHeap {
  readonly #sessions: Session[] = [];
  readonly #positions = new Map<Session, number>();

  get size(): number {
    return this.#sessions.length;
  }

  get largest(): Session | undefined {
    return this.#sessions[0];
  }

  update(session: Session): void {
    let position = this.#positions.get(session);
    if (position === undefined) {
      position = this.#sessions.push(session) - 1;
      this.#positions.set(session, position);
    }
    this.#siftDown(this.#siftUp(position));
  }

  remove(session: Session): void {
    const position = this.#positions.get(session);
    if (position === undefined) return;
    this.#positions.delete(session);
    const last = this.#sessions.pop();
    if (last === undefined || last === session) return;
    this.#place(last, position);
    this.#siftDown(this.#siftUp(position));
  }

  #siftUp(start: number): number {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#swapIfLarger(position, parent)) break;
      position = parent;
    }
    return position;
  }

  #siftDown(start: number): void {
    let position = start;
    for (;;) {
      const left = position * 2 + 1;
      const leftSession = this.#sessions[left];
      const rightSession = this.#sessions[left + 1];
      if (!leftSession) return;
      const child = rightSession && isLarger(rightSession, leftSession) ? left + 1 : left;
      if (!this.#swapIfLarger(child, position)) return;
      position = child;
    }
  }

  #swapIfLarger(candidate: number, position: number): boolean {
    const session = this.#sessions[candidate];
    const other = this.#sessions[position];
    if (!session || !other || !isLarger(session, other)) return false;
    this.#place(other, candidate);
    this.#place(session, position);
    return true;
  }

  #place(session: Session, position: number): void {
    this.#sessions[position] = session;
    this.#positions.set(session, position);
  }
}

function isLarger(left: Session, right: Session): boolean {
  if (left.items.memory !== right.items.memory) return left.items.memory > right.items.memory;
  return left.client < right.client;
}
