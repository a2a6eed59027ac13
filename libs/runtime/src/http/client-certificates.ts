import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { CertificateChain, Logger, Revocations } from '@mqtt-cluster/contracts';

interface Accepted {
  /** Null if there were no revocation lists at the handshake. */
  readonly chain: CertificateChain | null;
  /** Ends the connection because the certificate has been revoked. */
  readonly end: () => void;
}

/** The HTTPS connections of clients with a valid certificate, which changed revocation lists can end. */
export class ClientCertificates {
  readonly #logger: Logger;
  readonly #accepted = new Map<Socket, Accepted>();
  #revocations: Revocations | undefined;

  constructor(logger: Logger, revocations: Revocations | undefined) {
    this.#logger = logger;
    this.#revocations = revocations;
  }

  /** Adds a connection whose handshake has just completed. Closes it if the lists have changed during the handshake. */
  add(socket: TLSSocket): void {
    const chain = this.#revocations?.chainOf(socket) ?? null;
    const end = (): void => void socket.destroy();
    if (chain !== null && this.#revocations?.contains(chain) === true) return this.#end([{ chain, end }]);
    this.#accepted.set(socket, { chain, end });
    socket.once('close', () => this.#accepted.delete(socket));
  }

  /** Sets what ends a connection that another component serves. */
  setEnd(socket: Socket, end: () => void): void {
    const accepted = this.#accepted.get(socket);
    if (accepted !== undefined) this.#accepted.set(socket, { ...accepted, end });
  }

  /** Uses other lists, and ends the connections whose certificates they contain. The server bounds their number. */
  setRevocations(revocations: Revocations | undefined): void {
    this.#revocations = revocations;
    if (revocations === undefined) return;
    const revoked = [...this.#accepted].filter(([socket, { chain }]) =>
      // Only connections with TLS are accepted.
      revocations.endsOpen(chain ?? revocations.chainOf(socket as TLSSocket)),
    );
    if (revoked.length > 0) this.#end(revoked.map(([, accepted]) => accepted));
  }

  #end(revoked: readonly Accepted[]): void {
    for (const { end } of revoked) end();
    const text = 'HTTPS connections closed: their client certificates are revoked (http.tls.crl)';
    this.#logger.warn({ connections: revoked.length }, text);
  }
}
