import type { TLSSocket } from 'node:tls';
import { plainAddress } from '@mqtt-cluster/contracts';
import type { Revocations } from '@mqtt-cluster/contracts';
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
  readonly #accepted = new Set<TLSSocket>();
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
    if (this.#isRevoked(socket)) {
      this.reject(socket, revokedCode);
      return false;
    }
    this.#accepted.add(socket);
    socket.once('close', () => this.#accepted.delete(socket));
    return true;
  }

  reject(socket: TLSSocket, reason = String(socket.authorizationError)): void {
    this.#onRejected();
    const isRevoked = reason === revokedCode;
    const text = isRevoked
      ? 'certificate rejected: it is revoked (tls.crl)'
      : "certificate rejected: it is not signed by this cluster's CA (tls.ca), not valid at this time, or not permitted for " +
        'TLS clients (extended key usage)';
    this.#log.warn('certificate', { address: plainAddress(socket.remoteAddress ?? ''), reason }, text);
    socket.on('error', () => undefined);
    // An accepted connection has received its CONNACK already.
    if (isRevoked && !this.#accepted.has(socket)) socket.write(revokedConnack, () => socket.destroy());
    else socket.destroy();
  }

  /** Uses other lists, and closes the accepted connections whose certificates they contain. */
  setRevocations(revocations: Revocations | undefined): void {
    this.#revocations = revocations;
    for (const socket of this.#accepted) if (this.#isRevoked(socket)) this.reject(socket, revokedCode);
  }

  #isRevoked(socket: TLSSocket): boolean {
    // Node decodes the certificate anew at each call.
    if (this.#revocations === undefined) return false;
    const certificate = socket.getPeerX509Certificate();
    return certificate !== undefined && this.#revocations.contains(certificate);
  }
}
