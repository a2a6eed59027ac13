import type { QoS } from '@mqtt-cluster/contracts';
import { UnackedLimitError } from '../errors.ts';

/** A QoS 1 or 2 publish without an acknowledgement. */
export interface PendingPublish {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Bounded queue of unacknowledged QoS 1 and 2 publishes: first those in flight, then those that wait for the in-flight
 * window.
 */
export class PublishQueue {
  readonly #max: number;
  readonly #inFlight = new Map<PendingPublish, number>();
  #waiting: PendingPublish[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#inFlight.size + this.#waiting.length;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** @throws UnackedLimitError the queue is full */
  add(pending: PendingPublish): void {
    if (this.size >= this.#max) throw new UnackedLimitError(this.#max);
    this.#waiting.push(pending);
  }

  /** Takes the oldest waiting publish. The caller sends it and calls `sent`. */
  next(): PendingPublish | undefined {
    return this.#waiting.shift();
  }

  sent(pending: PendingPublish, packetId: number): void {
    this.#inFlight.set(pending, packetId);
  }

  /** @returns false if the publish was removed before because another connection sends it */
  settle(pending: PendingPublish): boolean {
    return this.#inFlight.delete(pending);
  }

  /** Returns the publishes in flight with their packet ids. */
  sentPublishes(): IterableIterator<[PendingPublish, number]> {
    return this.#inFlight.entries();
  }

  /** Returns all queued publishes with this QoS, in order. */
  all(qos: QoS): PendingPublish[] {
    return [...this.#inFlight.keys(), ...this.#waiting].filter((pending) => pending.qos === qos);
  }

  /** Removes the publishes that match, in order. The packet id is null if the publish is not in flight. */
  take(
    matches: (pending: PendingPublish) => boolean,
  ): { pending: PendingPublish; packetId: number | null }[] {
    const taken: { pending: PendingPublish; packetId: number | null }[] = [];
    for (const [pending, packetId] of this.#inFlight) {
      if (!matches(pending)) continue;
      this.#inFlight.delete(pending);
      taken.push({ pending, packetId });
    }
    const waiting = this.#waiting.filter(matches);
    this.#waiting = this.#waiting.filter((pending) => !matches(pending));
    return [...taken, ...waiting.map((pending) => ({ pending, packetId: null }))];
  }
}
