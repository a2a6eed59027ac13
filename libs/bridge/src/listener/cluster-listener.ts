import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { createServer as createPlainServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls';
import type { Server as TlsServer } from 'node:tls';
import { ListenError, plainAddress } from '@mqtt-cluster/contracts';
import type { MemberId } from '@mqtt-cluster/contracts';
import { Aedes } from 'aedes';
import type { AuthenticateError, Client } from 'aedes';
import { authenticationTimeoutMs, frameBytesMax, strangersPerSecond } from '../bounds.ts';
import {
  certificateMatches,
  parseClientId,
  secureOptionsOf,
  topicsByConnection,
  userNameFault,
} from '../handshake.ts';
import { discardingEmitter, emptyPersistence } from './aedes-backends.ts';
import { Newcomers } from './newcomers.ts';
import type { NewcomerFault } from './newcomers.ts';
import { PeerAddresses } from './peer-addresses.ts';
import { PeerCertificates } from './peer-certificates.ts';
import type { RateLimitedLog } from '../rate-limited-log.ts';
import type { BridgeOptions, BridgeTls } from '../options.ts';
import { PublishInterceptor } from './publish-interceptor.ts';

interface ClusterListenerOptions {
  readonly bridge: BridgeOptions;
  readonly log: RateLimitedLog;
  onFrame(from: MemberId, frame: Uint8Array): void;
}

/** One socket and its interceptor. The listener sets `onPublish` when it accepts the client. */
interface Interception {
  onPublish(topic: string, payload: Buffer): boolean;
  onPing(): boolean;
  interceptor: PublishInterceptor | null;
}

/** Parts of Aedes' client that its types omit. */
interface ClientInternals {
  readonly _keepaliveTimer?: NodeJS.Timeout | null;
}

type RefusalReason = 'rejected' | 'certificate' | 'handshake' | NewcomerFault;

/** Why a CONNECT was refused. `text` has no part that the client chose. */
interface PeerFault {
  readonly returnCode: number;
  readonly text: string;
  readonly reason?: string;
  /** The configured peer that the client claims to be. */
  readonly peer?: MemberId;
}

/** CONNACK return codes of MQTT 3.1.1, table 3.1. */
const identifierRejected = 2;
const badUserName = 4;
const notAuthorized = 5;

/** PINGRESP (MQTT 3.1.1, 3.13). */
const pingResponse = Buffer.from([0xd0, 0]);

const newcomerTexts: Readonly<Record<NewcomerFault, string>> = {
  timeout: `connection to the cluster listener closed: not authenticated in time (${authenticationTimeoutMs} ms)`,
  displaced:
    'connection to the cluster listener closed: too many unauthenticated connections, and it was the oldest',
  rate: `connection to the cluster listener closed: its network, which is not that of a peer, opens more than ${strangersPerSecond} connections a second`,
};

/** Bytes of the topic and the MQTT header of a frame. */
const publishOverheadBytes = 256;

/**
 * The cluster listener of this member: an Aedes that accepts only configured peers, receives their QoS 0
 * frames on the topics of the bridge, and routes no message.
 */
export class ClusterListener {
  readonly #options: ClusterListenerOptions;
  readonly #broker: Aedes;
  readonly #server: Server;
  /** The TLS server, which does not listen itself; null without TLS. */
  readonly #secured: TlsServer | null;
  readonly #newcomers: Newcomers;
  readonly #peerAddresses: PeerAddresses;
  /** Number of refused connections by reason. */
  readonly refused: Record<RefusalReason, number> = {
    rejected: 0,
    certificate: 0,
    handshake: 0,
    timeout: 0,
    displaced: 0,
    rate: 0,
  };
  readonly #sockets = new Set<Socket>();
  readonly #certificates: PeerCertificates;
  /** The accepted connections by client identifier. */
  readonly #accepted = new Map<string, Duplex>();
  readonly #interceptions = new WeakMap<object, Interception>();

  constructor(options: ClusterListenerOptions) {
    this.#options = options;
    const { tls, self } = options.bridge;
    const peers = options.bridge.peers.filter(({ id }) => id !== self);
    this.#peerAddresses = new PeerAddresses(peers);
    this.#certificates = new PeerCertificates(
      options.log,
      tls?.revocations,
      () => (this.refused.certificate += 1),
    );
    this.#newcomers = new Newcomers({
      peers: peers.length,
      isPeerNetwork: (network) => this.#peerAddresses.includes(network),
      onRemoved: (address, reason) => this.#onNewcomerRemoved(address, reason),
      now: options.bridge.now ?? ((): number => performance.now()),
    });
    this.#broker = new Aedes({
      mq: discardingEmitter,
      persistence: emptyPersistence,
      connectTimeout: authenticationTimeoutMs,
      maximumPacketSize: frameBytesMax + publishOverheadBytes,
      preConnect: (_client, packet, done) => {
        // A bridge has no will, and the listener must never publish one.
        if (packet.will) done(new Error('a bridge has no will'), false);
        else done(null, true);
      },
      authenticate: (client, userName, _password, done) => {
        const fault = this.#peerFault(client, userName);
        if (fault) this.#reportRejection(client, fault);
        else this.#onAccepted(client);
        done(fault && rejection(fault), fault === null);
      },
      authorizePublish: (client, packet, done) => done(this.#onAedesPublish(client, packet)),
      authorizeSubscribe: (_client, _subscription, done) => done(new Error('a bridge may not subscribe')),
    });
    // An error event without a handler would end the process.
    (this.#broker as EventEmitter).on('error', (error: Error) => {
      this.#options.log.warn('broker', { reason: error.message }, 'the cluster listener reported an error');
    });
    this.#broker.on('clientError', (client, error) => this.#logFailure(client, error));
    this.#broker.on('connectionError', (client, error) => this.#logFailure(client, error));
    // Node could reject an invalid certificate itself, but would not report the reason.
    const unverified = { requestCert: true, rejectUnauthorized: false } as const;
    this.#secured = tls
      ? createTlsServer({ ...secureOptionsOf(tls), ...unverified }, (socket) => this.#verify(socket))
      : null;
    this.#secured?.on('tlsClientError', (error: Error) => {
      this.refused.handshake += 1;
      const text = 'TLS handshake with the cluster listener failed';
      this.#options.log.warn('tls', { reason: error.message }, text);
    });
    // A plain server, also with TLS: a connection counts from its first packet, not from the end of its handshake.
    this.#server = createPlainServer((socket) => {
      this.#newcomers.add(socket);
      if (socket.destroyed) return;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (this.#secured) this.#secured.emit('connection', socket);
      else this.#accept(socket);
    });
  }

  async start(): Promise<void> {
    await this.#broker.listen();
    this.#peerAddresses.start();
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
        // Errors of single connections, for example a lack of file descriptors, are temporary: peers
        // reconnect.
        this.#server.on('error', (error) => {
          this.#options.log.warn(
            'listener',
            { reason: error.message },
            'the cluster listener reported an error',
          );
        });
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    // Close the listener first, so that reconnecting peers are refused at once and detect the end of this
    // process.
    const closed = this.#server.listening
      ? new Promise<void>((resolve) => this.#server.close(() => resolve()))
      : Promise.resolve();
    this.#peerAddresses.stop();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#broker.close(() => resolve()));
    await closed;
  }

  /** @throws Error the values are unusable; the former values stay in use */
  updateTls(tls: BridgeTls): void {
    const options = secureOptionsOf(tls);
    createSecureContext(options);
    this.#secured?.setSecureContext(options);
    this.#certificates.setRevocations(tls.revocations);
  }

  /** Called every second. */
  sweep(): void {
    this.#newcomers.sweep();
  }

  address(): { host: string; port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  #verify(socket: TLSSocket): void {
    // Node reports a resumed session as authorized, although the client presented no certificate. Bridges
    // never resume a TLS session.
    if (socket.authorized && !socket.isSessionReused()) {
      if (!this.#certificates.accept(socket)) return;
      const { peers, self } = this.#options.bridge;
      const certificate = socket.getPeerCertificate();
      const isPeer = peers.some(({ id, host }) => id !== self && certificateMatches(certificate, id, host));
      // The certificate proves a peer, so no stranger takes its place while it sends CONNECT.
      if (isPeer) this.#endBounds(socket);
      return this.#accept(socket);
    }
    this.#certificates.reject(socket);
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    const interception: Interception = { onPublish: () => false, onPing: () => false, interceptor: null };
    interception.interceptor = new PublishInterceptor(socket, {
      packetBytesMax: frameBytesMax + publishOverheadBytes,
      onPublish: (topic, payload) => interception.onPublish(topic, payload),
      onPing: () => interception.onPing(),
    });
    this.#interceptions.set(socket, interception);
    this.#broker.handle(socket);
  }

  /** Lets the frames of an accepted bridge bypass Aedes; see {@link PublishInterceptor}. */
  #interceptPublishes(client: Client): void {
    const named = parseClientId(client.id);
    const interception = this.#interceptions.get(client.conn);
    if (named === null || interception === undefined) return;
    const topics = topicsByConnection[named.kind];
    // Aedes restarts the keep-alive timer only for packets that it receives [MQTT-3.1.2-24].
    const restartKeepAlive = (): void => {
      (client as unknown as ClientInternals)._keepaliveTimer?.refresh();
    };
    interception.onPublish = (topic, payload) => {
      if (client.closed || !topics.includes(topic)) return false;
      restartKeepAlive();
      this.#options.onFrame(named.member, payload);
      return true;
    };
    interception.onPing = () => {
      if (client.closed) return false;
      restartKeepAlive();
      client.conn.write(pingResponse);
      return true;
    };
    interception.interceptor?.enable();
  }

  #peerFault(client: Client, userName: string | undefined): PeerFault | null {
    const { peers, cluster, self } = this.#options.bridge;
    const named = parseClientId(client.id);
    if (!named || client.version !== 4) {
      return { returnCode: identifierRejected, text: 'client rejected: it is not a bridge' };
    }
    const mismatch = userNameFault(userName ?? '', cluster);
    if (mismatch) {
      const text = 'bridge rejected: it belongs to another cluster or has another frame version';
      return { returnCode: badUserName, text, reason: mismatch };
    }
    const peer = peers.find(({ id }) => id === named.member);
    if (!peer || peer.id === self) {
      return {
        returnCode: notAuthorized,
        text: 'bridge rejected: it is not a configured peer of this member',
      };
    }
    const { conn } = client;
    if (conn instanceof TLSSocket) {
      if (certificateMatches(conn.getPeerCertificate(), peer.id, peer.host)) return null;
      const text = 'bridge rejected: its certificate does not name this peer';
      return { returnCode: notAuthorized, text, peer: peer.id };
    }
    const former = this.#accepted.get(client.id);
    if (former === undefined || former.destroyed || addressOf(former) === addressOf(conn)) return null;
    // Without TLS nothing proves which of the two connections is the peer's.
    const text =
      'bridge rejected: the peer is connected from another address already, and nothing proves its id without TLS';
    return { returnCode: notAuthorized, text, peer: peer.id };
  }

  #reportRejection(client: Client, { text, reason, peer }: PeerFault): void {
    this.refused.rejected += 1;
    const fields = { ...this.#describe(client), ...(reason !== undefined && { reason }) };
    this.#options.log.warn(peer ?? 'rejected', fields, text);
  }

  #onAccepted(client: Client): void {
    const { conn } = client;
    this.#endBounds(conn as Socket);
    this.#accepted.set(client.id, conn);
    conn.once('close', () => {
      if (this.#accepted.get(client.id) === conn) this.#accepted.delete(client.id);
    });
    const address = addressOf(conn);
    const named = parseClientId(client.id);
    if (named && address !== '') this.#peerAddresses.learn(named.member, address);
    this.#interceptPublishes(client);
  }

  /** Ends the bounds of a connection that has been authenticated. */
  #endBounds(socket: Socket): void {
    const raw = this.#newcomers.find(socket.remoteAddress, socket.remotePort);
    if (raw !== undefined) this.#newcomers.remove(raw);
  }

  #onNewcomerRemoved(address: string, reason: NewcomerFault): void {
    this.refused[reason] += 1;
    this.#options.log.warn(reason, { address: plainAddress(address) }, newcomerTexts[reason]);
  }

  /**
   * Handles a publish that the interceptor left to Aedes. Returns an error, which closes the connection, for
   * anything but a frame. Aedes routes no publish to a client.
   */
  #onAedesPublish(
    client: Client | null,
    packet: { topic: string; qos: number; retain: boolean; payload: string | Buffer },
  ): Error | null {
    const named = client && parseClientId(client.id);
    if (!named) return new Error('only bridges may publish on the cluster listener');
    if (packet.qos !== 0 || packet.retain || !topicsByConnection[named.kind].includes(packet.topic)) {
      return new Error('a bridge may publish only QoS 0 on its own topics');
    }
    if (typeof packet.payload === 'string') return new Error('a frame must be binary');
    this.#options.onFrame(named.member, packet.payload);
    return null;
  }

  #describe(client: Client): { client: string; address: string | undefined } {
    const address = 'remoteAddress' in client.conn ? client.conn.remoteAddress : undefined;
    return {
      client: (client.id ?? '').slice(0, 64),
      address: address === undefined ? undefined : plainAddress(address),
    };
  }

  #logFailure(client: Client, error: Error): void {
    // The link state already reports the reset of a dying peer.
    if ('code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
    if ('errorCode' in error) return;
    const fields = { ...this.#describe(client), reason: error.message };
    const subject = parseClientId(client.id ?? '')?.member ?? '';
    const isPeer = this.#options.bridge.peers.some(({ id }) => id === subject);
    this.#options.log.warn(isPeer ? subject : 'unknown', fields, 'connection to the cluster listener failed');
  }
}

function addressOf(stream: Duplex): string {
  return plainAddress(('remoteAddress' in stream ? (stream as Socket).remoteAddress : undefined) ?? '');
}

function rejection({ returnCode, text, reason }: PeerFault): AuthenticateError {
  return Object.assign(new Error(reason === undefined ? text : `bridge rejected: ${reason}`), { returnCode });
}
