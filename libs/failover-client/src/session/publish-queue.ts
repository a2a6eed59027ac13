import type { QoS } from '@mqtt-cluster/contracts';
import { UnackedLimitError } from '../errors.ts';

export interface Pending {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * QoS 1 and 2 publishes until their ack: first those on the way, then those that wait for the window.
 * Bounded.
 */
export class PublishQueue {
  readonly #max: number;
  readonly #inFlight = new Map<Pending, number>();
  #waiting: Pending[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#inFlight.size + this.#waiting.length;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** @throws UnackedLimitError when it is full. */
  add(pending: Pending): void {
    if (this.size >= this.#max) throw new UnackedLimitError(this.#max);
    this.#waiting.push(pending);
  }

  next(): Pending | undefined {
    return this.#waiting.shift();
  }

  sent(pending: Pending, packetId: number): void {
    this.#inFlight.set(pending, packetId);
  }

  /** @returns false when it was taken out before (its ack comes from elsewhere). */
  settle(pending: Pending): boolean {
    return this.#inFlight.delete(pending);
  }

  /** All of that QoS, in order. */
  all(qos: QoS): Pending[] {
    return [...this.#inFlight.keys(), ...this.#waiting].filter((pending) => pending.qos === qos);
  }

  /** Takes out everything of that QoS, in order, with the packet ids of those on the way. */
  take(wanted: (pending: Pending) => boolean): { pending: Pending; packetId: number | null }[] {
    const taken: { pending: Pending; packetId: number | null }[] = [];
    for (const [pending, packetId] of this.#inFlight) {
      if (!wanted(pending)) continue;
      this.#inFlight.delete(pending);
      taken.push({ pending, packetId });
    }
    const waiting = this.#waiting.filter(wanted);
    this.#waiting = this.#waiting.filter((pending) => !wanted(pending));
    return [...taken, ...waiting.map((pending) => ({ pending, packetId: null }))];
  }
}
