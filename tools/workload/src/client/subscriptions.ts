import type { QoS } from '@mqtt-cluster/history-checker';

interface Wish {
  /** Null: not subscribed. */
  readonly qos: QoS | null;
  /** The packet id that asked for it on the current connection; 0 when it has not been asked. */
  packetId: number;
  /** The server said yes or no. */
  answered: boolean;
}

/** What a client wants to be subscribed to, and what of it the server has acknowledged to this session. */
export class Subscriptions {
  readonly #wishes = new Map<string, Wish>();

  want(filter: string, qos: QoS | null): void {
    this.#wishes.set(filter, { qos, packetId: 0, answered: false });
  }

  /** Everything wanted has been acknowledged. */
  get settled(): boolean {
    return [...this.#wishes.values()].every(({ answered }) => answered);
  }

  get filters(): string[] {
    return [...this.#wishes].flatMap(([filter, { qos }]) => (qos === null ? [] : [filter]));
  }

  /** What must be asked now, on a new connection. @param present whether the server still has the session. */
  toAsk(present: boolean): { readonly filter: string; readonly qos: QoS | null }[] {
    for (const [filter, wish] of this.#wishes) {
      wish.packetId = 0;
      if (present) continue;
      wish.answered = false;
      if (wish.qos === null) this.#wishes.delete(filter);
    }
    return [...this.#wishes].flatMap(([filter, { qos, answered }]) => (answered ? [] : [{ filter, qos }]));
  }

  asked(filter: string, packetId: number): void {
    const wish = this.#wishes.get(filter);
    if (wish !== undefined) wish.packetId = packetId;
  }

  answered(filter: string, packetId: number): void {
    const wish = this.#wishes.get(filter);
    // An answer to an earlier wish for the same filter settles nothing.
    if (wish?.packetId === packetId) wish.answered = true;
  }
}
