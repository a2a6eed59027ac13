import type { ClientInput } from '@mqtt-cluster/contracts';
import { backOffMs, refusalsMax } from './back-off.ts';
import type { After } from './back-off.ts';

/** Messages that wait here at most. It is the Receive Maximum of the link, which a broker with MQTT 3.1.1 does not know. */
export const heldPublishesMax = 100;

interface Entry {
  readonly input: ClientInput;
  refusals: number;
  /** False: the message is with the cluster. */
  isHeld: boolean;
}

/**
 * Messages of the other broker that the cluster has not acknowledged. When the cluster refuses one for its bounds, this
 * message and the later ones wait. After a pause the first one is published alone; when the cluster accepts it, the others
 * follow in their order. So the other broker need not send them again, and the outgoing direction goes on.
 */
export class HeldPublishes {
  readonly #publish: (input: ClientInput) => void;
  readonly #after: After;
  /** By packet id, in the order of the other broker. */
  readonly #entries = new Map<number, Entry>();
  /** The message that is published alone. */
  #probe: number | null = null;
  #endPause: (() => void) | null = null;

  constructor(publish: (input: ClientInput) => void, after: After) {
    this.#publish = publish;
    this.#after = after;
  }

  /** @returns false if too many messages wait */
  add(packetId: number, input: ClientInput): boolean {
    const isHeld = this.#probe !== null || this.#endPause !== null;
    if (isHeld && this.#entries.size >= heldPublishesMax) return false;
    this.#entries.set(packetId, { input, refusals: 0, isHeld });
    if (!isHeld) this.#publish(input);
    return true;
  }

  onAccepted(packetId: number): void {
    this.#entries.delete(packetId);
    if (packetId !== this.#probe) return;
    this.#probe = null;
    for (const entry of [...this.#entries.values()]) this.#release(entry);
  }

  /** @returns false if the message has been refused too often and is dropped, null for a message of a former connection */
  onRefused(packetId: number): boolean | null {
    const entry = this.#entries.get(packetId);
    if (entry === undefined) return null;
    entry.isHeld = true;
    const isKept = ++entry.refusals < refusalsMax;
    if (!isKept) this.#entries.delete(packetId);
    if (packetId === this.#probe) this.#probe = null;
    if (this.#probe === null && this.#entries.size > 0)
      this.#endPause ??= this.#after(backOffMs(entry.refusals), () => this.#onPauseEnd());
    return isKept;
  }

  /** The connection has ended: the other broker sends all messages again. */
  clear(): void {
    this.#entries.clear();
    this.#probe = null;
    this.#endPause?.();
    this.#endPause = null;
  }

  #onPauseEnd(): void {
    this.#endPause = null;
    for (const [packetId, entry] of this.#entries) {
      if (!entry.isHeld) continue;
      this.#probe = packetId;
      return this.#release(entry);
    }
  }

  #release(entry: Entry): void {
    if (!entry.isHeld) return;
    entry.isHeld = false;
    this.#publish(entry.input);
  }
}
