import type { CertificateChain, ClientId, Epoch, Revocations } from '@mqtt-cluster/contracts';

/** Bound of the remembered clients, about 10 MB. Beyond it, the first ones are forgotten, and their wills are published. */
const clientsMax = 10_000;

/** A client whose connection ended while the delay of its will runs, and the certificate that it had. */
export interface Departed {
  readonly client: ClientId;
  readonly user: string;
  /**
   * The epoch of the connection that ended; 0, which no waiting will has, if this member was isolated when it accepted the
   * client: such a session ends with its connection.
   */
  readonly epoch: Epoch;
  readonly listener: string;
  readonly chain: CertificateChain;
  /** When the will delay is over, monotonic ms. */
  readonly untilMs: number;
}

/**
 * The certificates of clients that are gone and whose wills wait. The replicated state has the user of such a client, but
 * not its certificate. So only the member that served the client notices that a new list revokes the certificate.
 */
export class DepartedCertificates {
  readonly #onRevoked: (clients: readonly Departed[]) => void;
  readonly #departed = new Map<ClientId, Departed>();
  readonly #revocations = new Map<string, Revocations>();

  constructor(onRevoked: (clients: readonly Departed[]) => void) {
    this.#onRevoked = onRevoked;
  }

  add(departed: Departed): void {
    // The connection may have ended before the check of the open connections with new lists reached it. `endsOpen` would
    // also discard the will of each client with an uncertain chain, although the lists are mostly those of its handshake.
    const isRevoked = this.#revocations.get(departed.listener)?.contains(departed.chain) ?? false;
    if (isRevoked) return this.#onRevoked([departed]);
    this.#departed.delete(departed.client);
    this.#departed.set(departed.client, departed);
    if (this.#departed.size <= clientsMax) return;
    const [first] = this.#departed.keys();
    this.#departed.delete(first!);
  }

  /** The client has connected again, so it has another will. */
  onReturned(client: ClientId): void {
    this.#departed.delete(client);
  }

  /** Uses other lists for a listener, and reports the clients whose certificates they contain. */
  setRevocations(listener: string, revocations: Revocations, nowMs: number): void {
    this.#revocations.set(listener, revocations);
    const revoked: Departed[] = [];
    // `endsOpen` as for an open connection: new lists may revoke a certificate of an uncertain chain.
    for (const departed of this.#departed.values()) {
      const isRevoked = departed.listener === listener && revocations.endsOpen(departed.chain);
      if (isRevoked && departed.untilMs > nowMs) revoked.push(departed);
      if (isRevoked || departed.untilMs <= nowMs) this.#departed.delete(departed.client);
    }
    if (revoked.length > 0) this.#onRevoked(revoked);
  }
}
