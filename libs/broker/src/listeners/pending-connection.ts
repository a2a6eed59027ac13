import type { Socket } from 'node:net';

/** Time for the answer to a refused connection to leave, ms. */
const lingerMs = 1_000;

/** Why a connection failed before its first MQTT packet, as in the metric of refused connections. */
export type HandshakeFailure = 'timeout' | 'proxy_header' | 'tls_handshake' | 'websocket_upgrade';

interface PendingConnectionEvents {
  onFailure(failure: HandshakeFailure, reason: string): void;
  /** The connection is no longer pending: it is complete, has failed, or has closed. */
  onEnd(): void;
}

/**
 * A connection before its first MQTT packet. It ends exactly once: it completes, fails, or closes. A load balancer that
 * connects and closes without a byte of its own causes no failure.
 */
export class PendingConnection {
  readonly socket: Socket;
  /** Address of the client: that of the socket until a PROXY header states another. */
  address: string;
  /** Bytes of the PROXY header. */
  headerBytes = 0;
  /** The stage that the connection is in. */
  stage: Exclude<HandshakeFailure, 'timeout'> = 'proxy_header';
  /** Gives up the place of the connection among the unauthenticated ones. */
  leave: () => void = () => undefined;
  /** Ends the connection because the certificate of the client has been revoked, also after it is complete. */
  revoke: () => void = () => this.discard();
  readonly #events: PendingConnectionEvents;
  readonly #timer: NodeJS.Timeout;
  readonly #onClose = (): void => this.#closed();
  readonly #onError = (): void => undefined;
  #ended = false;

  constructor(socket: Socket, address: string, msMax: number, events: PendingConnectionEvents) {
    this.socket = socket;
    this.address = address;
    this.#events = events;
    this.#timer = setTimeout(() => this.fail('timeout', 'the handshake did not complete in time'), msMax);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** The client can send MQTT packets now. */
  complete(): void {
    if (!this.#end()) return;
    this.socket.off('close', this.#onClose);
  }

  /** Counts a failure and closes the socket. */
  fail(failure: HandshakeFailure, reason: string): void {
    if (!this.#end()) return;
    this.#events.onFailure(failure, reason);
    this.socket.destroy();
  }

  /** Counts a failure, and closes the socket after the answer to the client has left. */
  failLater(failure: HandshakeFailure, reason: string): void {
    if (!this.#end()) return;
    this.#events.onFailure(failure, reason);
    const linger = setTimeout(() => this.socket.destroy(), lingerMs);
    this.socket.once('close', () => clearTimeout(linger));
  }

  /** Closes the socket without a failure: the caller has counted the reason. */
  discard(): void {
    this.#end();
    this.socket.destroy();
  }

  #closed(): void {
    if (this.socket.bytesRead <= this.headerBytes) this.#end();
    else this.fail(this.stage, 'the client closed the connection during its handshake');
  }

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#events.onEnd();
    return true;
  }
}
