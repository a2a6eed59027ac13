import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, createServer } from 'node:tls';
import type { SecureContextOptions, Server, TLSSocket } from 'node:tls';
import type { CertificateChain } from '@mqtt-cluster/contracts';
import { SlicedRun } from '../flow-control/sliced-run.ts';
import { clientCertificate } from './client-certificate.ts';
import type { ConnectionOrigin, ListenerTls } from './options.ts';

export interface TlsHandshake {
  onSecure(socket: TLSSocket, client: Pick<ConnectionOrigin, 'certificate' | 'certificateChain'>): void;
  onRefused(reason: string): void;
  /** The certificate of a client that was secure before has been revoked. */
  onRevoked(): void;
}

interface TlsServerOptions {
  /** Bound that applies if the caller does not close the socket before, ms. */
  readonly handshakeMsMax: number;
  /** The open connections have been checked after an update. `revoked`: number of those with a revoked certificate. */
  readonly onRechecked: (revoked: number) => void;
}

/** The connection of a client with a valid certificate. */
interface Certified {
  readonly handshake: TlsHandshake;
  /** Null if the listener had no revocation lists at the handshake. */
  readonly chain: CertificateChain | null;
}

/** The TLS server of a listener. It does not listen itself: the listener passes accepted sockets on. */
export class TlsServer {
  readonly #server: Server;
  readonly #clientCertificate: ListenerTls['clientCertificate'];
  readonly #handshakes = new Map<string, TlsHandshake>();
  /** The open connections of clients with a valid certificate. */
  readonly #certified = new Map<TLSSocket, Certified>();
  /** Checks the open connections with changed revocation lists. */
  readonly #recheck: SlicedRun<TLSSocket>;
  #revocations: ListenerTls['revocations'];

  constructor(tls: ListenerTls, { handshakeMsMax, onRechecked }: TlsServerOptions) {
    let revoked = 0;
    this.#recheck = new SlicedRun({
      visit: (socket) => {
        const certified = this.#certified.get(socket);
        const revocations = this.#revocations;
        if (certified === undefined || revocations === undefined) return;
        if (!revocations.endsOpen(certified.chain ?? revocations.chainOf(socket))) return;
        this.#certified.delete(socket);
        revoked++;
        certified.handshake.onRevoked();
      },
      onDone: () => {
        onRechecked(revoked);
        revoked = 0;
      },
    });
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
   * Uses other keys and certificates for new connections. The way in which the listener checks client certificates stays. The
   * open connections are checked with the new revocation lists during the next turns.
   *
   * @throws Error the values are unusable; the former ones stay in use
   */
  update(tls: ListenerTls): void {
    const options = secureContextOptions(tls);
    createSecureContext(options);
    this.#server.setSecureContext(options);
    this.#revocations = tls.revocations;
    if (tls.revocations !== undefined) this.#recheck.start(this.#certified.keys());
  }

  /** Ends the check of the open connections. */
  stop(): void {
    this.#recheck.stop();
  }

  #onSecure(socket: TLSSocket): void {
    socket.on('error', () => undefined);
    const handshake = this.#take(socket);
    if (handshake === undefined) return void socket.destroy();
    if (this.#clientCertificate === 'none') return handshake.onSecure(socket, {});
    // Node reports a resumed session as authorized, although the client presented no certificate in this handshake.
    // The options below disable the resumption; this is a second barrier.
    if (socket.isSessionReused())
      return handshake.onRefused('resumed TLS session without client certificate');
    const certificate = clientCertificate(socket);
    if (socket.authorized) {
      const chain = this.#revocations?.chainOf(socket) ?? null;
      // The lists may have changed during the handshake.
      if (chain !== null && this.#revocations?.contains(chain) === true)
        return handshake.onRefused('client certificate: CERT_REVOKED');
      this.#certified.set(socket, { handshake, chain });
      socket.once('close', () => this.#certified.delete(socket));
      return handshake.onSecure(socket, {
        ...(certificate !== undefined && { certificate }),
        ...(chain !== null && { certificateChain: chain }),
      });
    }
    if (certificate === undefined) return handshake.onSecure(socket, {});
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
