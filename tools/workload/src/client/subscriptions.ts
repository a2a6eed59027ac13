import type { QoS } from '@mqtt-cluster/history-checker';

interface RequestedSubscription {
  /** Requested QoS; null for an unsubscription. */
  readonly qos: QoS | null;
  /**
   * Packet id of the SUBSCRIBE or UNSUBSCRIBE on the current connection; 0 when the packet has not been sent.
   */
  packetId: number;
  /** Whether the server has answered; a rejection is an answer, too. */
  answered: boolean;
}

/** The subscriptions that a client requests, and their state in the current session. */
export class Subscriptions {
  readonly #requested = new Map<string, RequestedSubscription>();

  /** @param qos null to unsubscribe */
  request(filter: string, qos: QoS | null): void {
    this.#requested.set(filter, { qos, packetId: 0, answered: false });
  }

  /** Whether the server has answered every request. */
  get allAnswered(): boolean {
    return [...this.#requested.values()].every(({ answered }) => answered);
  }

  /**
   * @returns the requests to send on a new connection. @param sessionPresent whether the server has kept the
   * session
   */
  pending(sessionPresent: boolean): { readonly filter: string; readonly qos: QoS | null }[] {
    for (const [filter, requested] of this.#requested) {
      requested.packetId = 0;
      if (sessionPresent) continue;
      requested.answered = false;
      if (requested.qos === null) this.#requested.delete(filter);
    }
    return [...this.#requested].flatMap(([filter, { qos, answered }]) => (answered ? [] : [{ filter, qos }]));
  }

  sent(filter: string, packetId: number): void {
    const requested = this.#requested.get(filter);
    if (requested !== undefined) requested.packetId = packetId;
  }

  answered(filter: string, packetId: number): void {
    const requested = this.#requested.get(filter);
    // An answer to an earlier request for the same filter does not answer the latest request.
    if (requested?.packetId === packetId) requested.answered = true;
  }
}
