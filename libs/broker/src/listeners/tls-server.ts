import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, createServer } from 'node:tls';
import type { SecureContextOptions, Server, TLSSocket } from 'node:tls';
import { clientCertificate } from './client-certificate.ts';
import type { ConnectionOrigin, ListenerTls } from './options.ts';

export interface TlsHandshake {
  onSecure(socket: TLSSocket, certificate: ConnectionOrigin['certificate']): void;
  onRefused(reason: string): void;
}

/** The TLS server of a listener. It does not listen itself: the listener passes accepted sockets on. */
export class TlsServer {
  readonly #server: Server;
  readonly #clientCertificate: ListenerTls['clientCertificate'];
  readonly #handshakes = new Map<string, TlsHandshake>();
  /** The open connections of clients with a valid certificate. */
  readonly #certified = new Set<TLSSocket>();
  #revocations: ListenerTls['revocations'];

  /** @param handshakeMsMax bound that applies if the caller does not close the socket before, ms */
  constructor(tls: ListenerTls, handshakeMsMax: number) {
    this.#clientCertificate = tls.clientCertificate;
    this.#revocations = tls.revocations;
    this.#server = createServer({
      ...secureContextOptions(tls),
      handshakeTimeout: handshakeMsMax * 2,
      requestCert: tls.clientCertificate !== 'none',
      // With `optional`, the certificate is checked in `#onSecure`.
      rejectUnauthorized: tls.clientCertificate === 'required',
    });
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      // The caller notices the end of a socket, and decides whether the client was a probe.
      if (error.code !== 'ECONNRESET') this.#take(socket)?.onRefused(failureOf(error));
    });
  }

  /** Starts the handshake on a socket. Exactly one of the functions is called, or none if the socket closes before. */
  handshake(socket: Socket, handshake: TlsHandshake): void {
    const key = keyOf(socket);
    this.#handshakes.set(key, handshake);
    socket.once('close', () => {
      if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key);
    });
    this.#server.emit('connection', socket);
  }

  /**
   * Uses other keys and certificates for new connections. The way in which the listener checks client certificates stays. Of
   * the open connections, only those of clients with a revoked certificate are closed.
   *
   * @returns the number of closed connections
   * @throws Error the values are unusable; the former ones stay in use
   */
  update(tls: ListenerTls): number {
    const options = secureContextOptions(tls);
    createSecureContext(options);
    this.#server.setSecureContext(options);
    this.#revocations = tls.revocations;
    const revoked = [...this.#certified].filter((socket) => this.#isRevoked(socket));
    for (const socket of revoked) socket.destroy();
    return revoked.length;
  }

  #isRevoked(socket: TLSSocket): boolean {
    // Node decodes the certificate anew at each call.
    if (this.#revocations === undefined) return false;
    const certificate = socket.getPeerX509Certificate();
    return certificate !== undefined && this.#revocations.contains(certificate);
  }

  #onSecure(socket: TLSSocket): void {
    socket.on('error', () => undefined);
    const handshake = this.#take(socket);
    if (handshake === undefined) return void socket.destroy();
    if (this.#clientCertificate === 'none') return handshake.onSecure(socket, undefined);
    // Node reports a resumed session as authorized, although the client presented no certificate in this handshake.
    // The options below disable the resumption; this is a second barrier.
    if (socket.isSessionReused())
      return handshake.onRefused('resumed TLS session without client certificate');
    const certificate = clientCertificate(socket);
    // The lists may have changed during the handshake.
    if (this.#isRevoked(socket)) return handshake.onRefused('client certificate: CERT_REVOKED');
    if (socket.authorized) {
      this.#certified.add(socket);
      socket.once('close', () => this.#certified.delete(socket));
      return handshake.onSecure(socket, certificate);
    }
    if (certificate === undefined) return handshake.onSecure(socket, undefined);
    handshake.onRefused(`client certificate: ${String(socket.authorizationError)}`);
  }

  #take(socket: Socket): TlsHandshake | undefined {
    const key = keyOf(socket);
    const handshake = this.#handshakes.get(key);
    this.#handshakes.delete(key);
    return handshake;
  }
}

/** The addresses of both ends identify an open connection: a TLS socket does not show the socket below it. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** Returns the options of Node for a secure context. */
function secureContextOptions(tls: ListenerTls): SecureContextOptions {
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET } = constants;
  // A resumed session bypasses the check of the client certificate: it may have been revoked meanwhile.
  const noResumption = tls.clientCertificate === 'none' ? 0 : SSL_OP_NO_TICKET;
  return {
    key: tls.key,
    cert: tls.cert,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.revocations && { crl: [...tls.revocations.lists] }),
    minVersion: tls.minVersion,
    secureOptions: SSL_OP_NO_RENEGOTIATION | noResumption,
  };
}

/** Returns a stable reason without details that differ from connection to connection. */
function failureOf(error: NodeJS.ErrnoException): string {
  return `TLS: ${'reason' in error ? String(error.reason) : (error.code ?? error.message)}`;
}
