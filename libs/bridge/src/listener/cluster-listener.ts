import type { EventEmitter } from 'node:events';
import { createServer as createPlainServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { ListenError } from '@mqtt-cluster/contracts';
import type { MemberId } from '@mqtt-cluster/contracts';
import { Aedes } from 'aedes';
import type { AuthenticateError, Client } from 'aedes';
import { foreignConnectTimeoutMs, frameBytesMax, spareConnectionsMax } from '../bounds.ts';
import { certificateNames, parseClientId, topicsOf, userNameFault } from '../handshake.ts';
import { discardingEmitter, emptyPersistence } from './aedes-backends.ts';
import type { OccasionalLog } from '../rate-limited-log.ts';
import type { BridgeOptions } from '../options.ts';
import { PublishTap } from './publish-interceptor.ts';

export interface ClusterListenerOptions {
  readonly bridge: BridgeOptions;
  readonly log: OccasionalLog;
  onFrame(from: MemberId, frame: Uint8Array): void;
}

interface Tap {
  take(topic: string, payload: Buffer): boolean;
  publishes: PublishTap | null;
}

/** The parts of Aedes' client that its types leave out. */
interface ClientInternals {
  readonly _keepaliveTimer?: NodeJS.Timeout | null;
}

/** CONNACK return codes of MQTT 3.1.1, table 3.1. */
const identifierRejected = 2;
const badUserName = 4;
const notAuthorized = 5;

/** Room for topic and MQTT header beside the frame. */
const publishOverheadBytes = 256;

/**
 * Our own cluster listener: an Aedes that lets only configured peers in, takes QoS 0 frames from them on the
 * bridge's topics, and routes nothing to anybody.
 */
export class ClusterListener {
  readonly #options: ClusterListenerOptions;
  readonly #broker: Aedes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #taps = new WeakMap<object, Tap>();

  constructor(options: ClusterListenerOptions) {
    this.#options = options;
    const { tls, peers } = options.bridge;
    this.#broker = new Aedes({
      mq: discardingEmitter,
      persistence: emptyPersistence,
      connectTimeout: foreignConnectTimeoutMs,
      maximumPacketSize: frameBytesMax + publishOverheadBytes,
      preConnect: (_client, packet, done) => {
        // No bridge has a will, and ours must never publish one.
        if (packet.will) done(new Error('a bridge has no will'), false);
        else done(null, true);
      },
      authenticate: (client, userName, _password, done) => {
        const fault = this.#peerFault(client, userName);
        if (!fault) this.#tap(client);
        if (fault) this.#options.log.warn(client.id.slice(0, 64), this.#describe(client), fault.message);
        done(fault, fault === null);
      },
      authorizePublish: (client, packet, done) => done(this.#take(client, packet)),
      authorizeSubscribe: (_client, _subscription, done) => done(new Error('a bridge subscribes to nothing')),
    });
    // Aedes' own chores; an event without a listener would end the process.
    (this.#broker as EventEmitter).on('error', (error: Error) => {
      this.#options.log.warn('broker', { reason: error.message }, 'the cluster listener has an error');
    });
    this.#broker.on('clientError', (client, error) => this.#complain(client, error));
    this.#broker.on('connectionError', (client, error) => this.#complain(client, error));
    // Node would refuse a wrong certificate itself, but not say why.
    const unverified = { requestCert: true, rejectUnauthorized: false } as const;
    this.#server = tls
      ? createTlsServer({ ...tls, ...unverified, minVersion: 'TLSv1.3' }, (socket) => this.#verify(socket))
      : createPlainServer((socket) => this.#accept(socket));
    this.#server.maxConnections = peers.length * 2 + spareConnectionsMax;
    this.#server.on('tlsClientError', (error: Error) => {
      this.#options.log.warn(
        'tls',
        { reason: error.message },
        'a TLS handshake with the cluster listener failed',
      );
    });
  }

  async start(): Promise<void> {
    await this.#broker.listen();
    const { host, port } = this.#options.bridge.listen;
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException): void => {
        const reason = cause.code === 'EADDRINUSE' ? 'the address is in use' : cause.message;
        reject(
          new ListenError(`The cluster listener cannot listen on ${host}:${port}: ${reason}`, { cause }),
        );
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', failed);
        // Accept errors (out of file descriptors, say) pass; peers try again.
        this.#server.on('error', (error) => {
          this.#options.log.warn('listener', { reason: error.message }, 'the cluster listener has an error');
        });
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    // First of all, so that peers who lose us are refused at once and know that we are gone.
    const closed = this.#server.listening
      ? new Promise<void>((resolve) => this.#server.close(() => resolve()))
      : Promise.resolve();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#broker.close(() => resolve()));
    await closed;
  }

  address(): { host: string; port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  #verify(socket: TLSSocket): void {
    // Of a resumed session Node says that it is authorized though no certificate was shown; our bridges resume none.
    if (socket.authorized && !socket.isSessionReused()) return this.#accept(socket);
    const { remoteAddress: address, authorizationError: reason } = socket;
    const text = 'a certificate was refused: it is not of the authority of this cluster, or not valid now';
    this.#options.log.warn('certificate', { address, reason: String(reason) }, text);
    socket.on('error', () => undefined);
    socket.destroy();
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const tap: Tap = { take: () => false, publishes: null };
    tap.publishes = new PublishTap(socket, {
      packetBytesMax: frameBytesMax + publishOverheadBytes,
      onPublish: (topic, payload) => tap.take(topic, payload),
    });
    this.#taps.set(socket, tap);
    this.#broker.handle(socket);
  }

  /** Frames of an accepted bridge need not go through the broker; see {@link PublishTap}. */
  #tap(client: Client): void {
    const named = parseClientId(client.id);
    const tap = this.#taps.get(client.conn);
    if (named === null || tap === undefined) return;
    const topics = topicsOf[named.kind];
    tap.take = (topic, payload) => {
      if (client.closed || !topics.includes(topic)) return false;
      // The broker counts only what it sees as a sign of life [MQTT-3.1.2-24].
      (client as unknown as ClientInternals)._keepaliveTimer?.refresh();
      this.#options.onFrame(named.member, payload);
      return true;
    };
    tap.publishes?.open();
  }

  #peerFault(client: Client, userName: string | undefined): AuthenticateError | null {
    const { peers, cluster } = this.#options.bridge;
    const named = parseClientId(client.id);
    if (!named || client.version !== 4)
      return refusal(identifierRejected, 'a client that is no bridge was refused');
    const mismatch = userNameFault(userName ?? '', cluster);
    if (mismatch) return refusal(badUserName, `a bridge was refused: ${mismatch}`);
    const peer = peers.find(({ id }) => id === named.member);
    if (!peer || peer.id === this.#options.bridge.self) {
      return refusal(notAuthorized, 'a bridge was refused: it is no configured peer of this member');
    }
    if (
      client.conn instanceof TLSSocket &&
      !certificateNames(client.conn.getPeerCertificate(), peer.id, peer.host)
    ) {
      return refusal(notAuthorized, 'a bridge was refused: its certificate is not made out to this peer');
    }
    return null;
  }

  /** Nothing is routed further: what is ours goes to the handlers, everything else ends the connection. */
  #take(
    client: Client | null,
    packet: { topic: string; qos: number; retain: boolean; payload: string | Buffer },
  ): Error | null {
    const named = client && parseClientId(client.id);
    if (!named) return new Error('only bridges publish here');
    if (packet.qos !== 0 || packet.retain || !topicsOf[named.kind].includes(packet.topic)) {
      return new Error('a bridge publishes QoS 0 on its own topics only');
    }
    if (typeof packet.payload === 'string') return new Error('a frame is binary');
    this.#options.onFrame(named.member, packet.payload);
    return null;
  }

  #describe(client: Client): { client: string; address: string | undefined } {
    const address = 'remoteAddress' in client.conn ? client.conn.remoteAddress : undefined;
    return { client: (client.id ?? '').slice(0, 64), address };
  }

  #complain(client: Client, error: Error): void {
    // The reset of a dying peer is told by the link's own state.
    if ('code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
    if ('errorCode' in error) return;
    const fields = { ...this.#describe(client), reason: error.message };
    this.#options.log.warn(
      (client.id ?? 'stranger').slice(0, 64),
      fields,
      'a connection to the cluster listener failed',
    );
  }
}

function refusal(returnCode: number, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode });
}
