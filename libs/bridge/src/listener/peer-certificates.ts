import type { TLSSocket } from 'node:tls';
import { plainAddress } from '@mqtt-cluster/contracts';
import type { CertificateChain, Revocations } from '@mqtt-cluster/contracts';
import { revokedReturnCode } from '../handshake.ts';
import type { RateLimitedLog } from '../rate-limited-log.ts';

/** OpenSSL's name of the error, which Node sets as `authorizationError`. */
const revokedCode = 'CERT_REVOKED';

/** CONNACK of MQTT 3.1.1 (3.2), which names the reason to a peer whose certificate is revoked. */
const revokedConnack = Buffer.from([0x20, 2, 0, revokedReturnCode]);

/** The TLS connections whose certificates the cluster listener has accepted, and the rejection of all others. */
export class PeerCertificates {
  readonly #log: RateLimitedLog;
  readonly #onRejected: () => void;
  /** The chain of each accepted connection; null if there were no revocation lists at the handshake. */
  readonly #accepted = new Map<TLSSocket, CertificateChain | null>();
  #revocations: Revocations | undefined;

  constructor(log: RateLimitedLog, revocations: Revocations | undefined, onRejected: () => void) {
    this.#log = log;
    this.#revocations = revocations;
    this.#onRejected = onRejected;
  }

  /**
   * Accepts a connection whose handshake was successful, unless its certificate has been revoked during the handshake.
   *
   * @returns whether the connection is accepted
   */
  accept(socket: TLSSocket): boolean {
    const chain = this.#revocations?.chainOf(socket) ?? null;
    if (chain !== null && this.#revocations?.contains(chain) === true) {
      this.reject(socket, revokedCode);
      return false;
    }
    this.#accepted.set(socket, chain);
    socket.once('close', () => this.#accepted.delete(socket));
    return true;
  }

  reject(socket: TLSSocket, reason = String(socket.authorizationError)): void {
    this.#onRejected();
    const isRevoked = reason === revokedCode;
    const text = isRevoked
      ? 'certificate rejected: it is revoked (tls.crl)'
      : "certificate rejected: it is not signed by this cluster's CA (tls.ca), not valid at this time, not permitted for " +
        'TLS clients (extended key usage), or an authority of its chain has no valid revocation list (tls.crl)';
    this.#log.warn('certificate', { address: plainAddress(socket.remoteAddress ?? ''), reason }, text);
    socket.on('error', () => undefined);
    // An accepted connection has received its CONNACK already.
    if (isRevoked && !this.#accepted.has(socket)) socket.write(revokedConnack, () => socket.destroy());
    else socket.destroy();
  }

  /** Uses other lists, and closes the accepted connections whose certificates they contain. */
  setRevocations(revocations: Revocations | undefined): void {
    this.#revocations = revocations;
    if (revocations === undefined) return;
    for (const [socket, chain] of this.#accepted)
      if (revocations.endsOpen(chain ?? revocations.chainOf(socket))) this.reject(socket, revokedCode);
  }
}
