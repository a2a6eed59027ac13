import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConfigError, ListenError, plainAddress } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { HandshakeLog } from './handshake-log.ts';
import { handshakesPerTurnMax, PacedStarts } from '../flow-control/paced-starts.ts';
import { networksOf } from './networks.ts';
import type { Networks } from './networks.ts';
import type { BoundAddress, ConnectionOrigin, ListenerOptions, ListenerTls } from './options.ts';
import { PendingConnection } from './pending-connection.ts';
import type { HandshakeFailure } from './pending-connection.ts';
import { readProxyHeader } from './proxy-reader.ts';
import { TlsServer } from './tls-server.ts';
import { WebSocketServer } from './websocket-server.ts';

const acceptBacklog = 1_024;
const pathDefault = '/mqtt';
export const nameDefault = 'default';

export interface ListenerContext {
  readonly logger: Logger;
  /** Time from the opening of a connection until its first MQTT packet can be read, ms. */
  readonly handshakeMsMax: number;
  /** Bytes of one WebSocket message. */
  readonly messageBytesMax: number;
  /**
   * Decides about a new connection, when its address is known and before its TLS handshake. False closes the connection.
   */
  admits(origin: ConnectionOrigin): boolean;
  /**
   * The broker has admitted a connection that is not yet complete. `discard` closes the connection, because others
   * need its place. Call the returned function when the connection is complete or has ended.
   */
  onPending(address: string, discard: () => void): () => void;
  /** The client can send MQTT packets now. Call the returned function when its certificate has been revoked. */
  onStream(stream: Duplex, origin: ConnectionOrigin): () => void;
  /** The connection failed before. Called once for each connection; a connection without data that closes is no failure. */
  onFailure(failure: HandshakeFailure): void;
}

/**
 * A listener for clients. Each connection passes up to three stages before its first MQTT packet: the PROXY protocol
 * header, the TLS handshake and the WebSocket request.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #context: ListenerContext;
  readonly #server: Server;
  readonly #proxies: Networks | null;
  readonly #tls: TlsServer | null;
  readonly #handshakes = new PacedStarts(handshakesPerTurnMax);
  readonly #webSocket: WebSocketServer | null;
  readonly #log: HandshakeLog;
  readonly #pending = new Set<PendingConnection>();
  readonly name: string;

  /** @throws ConfigError the options contradict each other, or the certificates are unusable */
  constructor(options: ListenerOptions, context: ListenerContext) {
    const { kind, proxy = [], tls, name = nameDefault, path = pathDefault, origins = [] } = options;
    this.#options = options;
    this.#context = context;
    this.name = name;
    this.#log = new HandshakeLog(context.logger, name);
    this.#proxies = proxy.length > 0 ? networksOf(proxy) : null;
    this.#tls = kind === 'tls' || kind === 'wss' ? this.#createTls(tls) : null;
    const { messageBytesMax } = context;
    this.#webSocket =
      kind === 'ws' || kind === 'wss' ? new WebSocketServer({ path, origins, messageBytesMax }) : null;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Binds the listener. @throws ListenError with the address and the reason in one line */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new ListenError(`cannot listen on ${host}:${port}: ${explain(error)}`, { cause: error }));
      });
      server.listen({ host, port, backlog: acceptBacklog }, resolve);
    });
    // After the server is bound, an error event means only that one connection could not be accepted.
    server.removeAllListeners('error');
    server.on('error', () => undefined);
  }

  get address(): BoundAddress {
    const { address, port } = this.#server.address() as AddressInfo;
    return { name: this.name, host: address, port, kind: this.#options.kind };
  }

  /**
   * Uses other keys and certificates for new connections. Of the open connections, only those of clients with a revoked
   * certificate are closed, during the next turns.
   *
   * @throws Error the values are unusable, or the listener has no TLS; the former values stay in use
   */
  updateTls(tls: ListenerTls): void {
    if (this.#tls === null) throw new Error(`the listener ${this.name} has no TLS`);
    this.#tls.update(tls);
  }

  /** Stops accepting connections, and closes those that have not reached their first MQTT packet. */
  async close(): Promise<void> {
    const closed = this.#server.listening
      ? new Promise<void>((resolve) => this.#server.close(() => resolve()))
      : Promise.resolve();
    for (const connection of this.#pending) connection.discard();
    this.#tls?.stop();
    this.#log.flush();
    await closed;
  }

  #accept(socket: Socket): void {
    // A client that has reset its connection already has no address. Probes of a load balancer do that.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const address = plainAddress(socket.remoteAddress);
    if (this.#proxies === null && this.#tls === null && this.#webSocket === null) {
      const origin = this.#originOf(address);
      if (this.#context.admits(origin)) this.#context.onStream(socket, origin);
      else socket.destroy();
      return;
    }
    const connection = new PendingConnection(socket, address, this.#context.handshakeMsMax, {
      onFailure: (failure, reason) => {
        this.#log.report(reason, connection.address);
        this.#context.onFailure(failure);
      },
      onEnd: () => {
        this.#pending.delete(connection);
        connection.leave();
      },
    });
    this.#pending.add(connection);
    if (this.#proxies === null) this.#admit(connection);
    else this.#readHeader(connection, this.#proxies);
  }

  #readHeader(connection: PendingConnection, proxies: Networks): void {
    const { socket, address } = connection;
    if (!proxies.contains(address))
      return connection.fail('proxy_header', 'the address is none of the proxies of the listener');
    readProxyHeader(socket, {
      onHeader: (header) => {
        connection.headerBytes = header.length;
        // Without the address of the client, no rule or trust for the address of the proxy may apply.
        if (header.kind === 'proxied') connection.address = header.address ?? '';
        this.#admit(connection);
      },
      onInvalid: (reason) => connection.fail('proxy_header', reason),
      onTimeout: () => connection.fail('timeout', 'the PROXY protocol header did not arrive in time'),
    });
  }

  #admit(connection: PendingConnection): void {
    const origin = this.#originOf(connection.address);
    if (!this.#context.admits(origin)) return connection.discard();
    connection.leave = this.#context.onPending(connection.address, () => connection.discard());
    connection.stage = 'tls_handshake';
    const tls = this.#tls;
    if (tls === null) return this.#serve(connection, connection.socket, origin);
    this.#handshakes.add(() => {
      if (connection.isEnded) return false;
      this.#beginTls(tls, connection, origin);
      return true;
    });
  }

  #beginTls(tls: TlsServer, connection: PendingConnection, origin: ConnectionOrigin): void {
    tls.handshake(connection.socket, {
      onSecure: (socket, client) => this.#serve(connection, socket, { ...origin, ...client }),
      onRefused: (reason) => connection.fail('tls_handshake', reason),
      onRevoked: () => connection.revoke(),
    });
  }

  #serve(connection: PendingConnection, socket: Socket, origin: ConnectionOrigin): void {
    if (connection.isEnded) return void socket.destroy();
    socket.setNoDelay(true);
    if (this.#webSocket === null) {
      connection.complete();
      connection.revoke = this.#context.onStream(socket, origin);
      // The stage before may have paused the socket.
      socket.resume();
      return;
    }
    connection.stage = 'websocket_upgrade';
    this.#webSocket.accept(socket, {
      onOpen: (stream) => {
        if (connection.isEnded) return void stream.destroy();
        connection.complete();
        connection.revoke = this.#context.onStream(stream, origin);
      },
      onRefused: (reason) => connection.failLater('websocket_upgrade', reason),
    });
    socket.resume();
  }

  #createTls(tls: ListenerTls | undefined): TlsServer {
    const { name } = this;
    const { handshakeMsMax, logger } = this.#context;
    if (tls === undefined) throw new ConfigError(`the listener ${name} has no key and certificate`);
    const onRechecked = (connections: number): void => {
      if (connections === 0) return;
      const text = 'connections of clients closed: their certificates are revoked';
      logger.warn({ listener: name, connections }, text);
    };
    try {
      return new TlsServer(tls, { handshakeMsMax, onRechecked });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigError(`the key and certificates of the listener ${name} are unusable: ${reason}`, {
        cause,
      });
    }
  }

  #originOf(address: string): ConnectionOrigin {
    return { address, listener: this.name, kind: this.#options.kind };
  }
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another process already listens on this address';
    case 'EACCES':
      return 'this user has no permission to use this port';
    case 'EADDRNOTAVAIL':
      return 'this host does not have this address';
    default:
      return error.message;
  }
}
