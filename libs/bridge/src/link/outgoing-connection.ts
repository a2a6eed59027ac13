import { connect as connectPlain } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { CertificateChain, LinkState, MemberId } from '@mqtt-cluster/contracts';
import { MqttClient } from 'mqtt';
import {
  carriedPingIntervalMs,
  connectTimeoutMs,
  keepAliveSeconds,
  stopFlushMsMax,
  pingIntervalMs,
  idlePingIntervalsMs,
  jointPingIntervalMs,
  raftPingIntervalMs,
  reconnectDelaysMs,
  rejectedReconnectDelayMs,
  stableConnectionMs,
  responseTimeoutMs,
} from '../bounds.ts';
import {
  certificateMatches,
  clientIdOf,
  revokedReturnCode,
  secureOptionsOf,
  userNameOf,
} from '../handshake.ts';
import type { ConnectionKind } from '../handshake.ts';
import type { RateLimitedLog } from '../rate-limited-log.ts';
import type { BridgePeer, BridgeTls } from '../options.ts';
import { publishHeader } from './publish-header.ts';

/**
 * Largest frame that is copied behind its header into one buffer. The copy of such a frame costs less than a
 * second write.
 */
const copiedBytesMax = 16 * 1024;

/** PINGREQ (MQTT 3.1.1, 3.12). */
const pingRequest = Buffer.from([0xc0, 0]);

const noTimer = { set: (): number => 0, clear: (): void => {} };

interface OutgoingConnectionOptions {
  readonly self: MemberId;
  readonly cluster: string;
  readonly peer: BridgePeer;
  readonly kind: ConnectionKind;
  /** Returns the key and the certificates for a new connection; undefined without TLS. */
  readonly tls: () => BridgeTls | undefined;
  readonly log: RateLimitedLog;
  readonly now: () => number;
  readonly random: () => number;
  onState(state: LinkState): void;
  onRoundTrip(milliseconds: number): void;
  /** The peer refuses this member, because the certificate of this member is revoked. */
  onRevoked(): void;
}

/**
 * Reason for the log. In TLS 1.3 the server can close the connection after the handshake, because it rejects
 * the client's certificate.
 */
const closedAfterHandshake =
  "closed after the TLS handshake: the peer may have rejected this member's certificate, see its log";

/** State of one TCP connection. */
interface Attempt {
  readonly socket: Socket;
  readonly client: MqttClient;
  connectedAtMs: number | null;
  /** True after the TLS handshake has completed on this side. */
  secured: boolean;
  /** The certificates of the peer after the handshake; null without revocation lists. */
  chain: CertificateChain | null;
  /** True if the peer runs, but rejected CONNECT. */
  rejected: boolean;
  fault: NodeJS.ErrnoException | null;
  lastReceivedAtMs: number;
  /** Time at which the unanswered ping was sent, or null without such a ping. */
  pingSentAtMs: number | null;
  lastPingAtMs: number;
  /** True if this member published a frame since the last ping. */
  used: boolean;
  flushedBytes: number;
  hadBacklog: boolean;
}

/**
 * One MQTT connection to a peer's cluster listener, which reconnects until it is stopped. MQTT.js handles the
 * protocol. This class decides when to reconnect and when a silent connection is dead, because the intervals
 * of MQTT.js (one second and 30 seconds) are too long for a failover.
 */
export class OutgoingConnection {
  readonly #options: OutgoingConnectionOptions;
  #attempt: Attempt | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #failuresInRow = 0;
  #stopped = true;

  constructor(options: OutgoingConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.#connect();
  }

  /** Closes the connection. Waits up to {@link stopFlushMsMax} until the published frames are sent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    const attempt = this.#attempt;
    if (!attempt) return;
    const { socket } = attempt;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), attempt.connectedAtMs === null ? 0 : stopFlushMsMax);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.end();
    });
  }

  get connected(): boolean {
    return this.#attempt?.connectedAtMs != null && !this.#attempt.socket.destroyed;
  }

  /** Bytes that the kernel has not accepted yet. */
  get backlogBytes(): number {
    return this.connected ? this.#attempt!.socket.writableLength : 0;
  }

  /**
   * Publishes a frame. Drops it if the peer is not connected.
   *
   * @returns whether a ping has followed the frame
   */
  publish(topic: string, frame: Uint8Array): boolean {
    if (!this.connected) return false;
    const attempt = this.#attempt!;
    const nowMs = attempt.used || attempt.pingSentAtMs !== null ? null : this.#options.now();
    const carriesPing = nowMs !== null && nowMs - attempt.lastPingAtMs >= carriedPingIntervalMs;
    attempt.used = true;
    if (carriesPing) attempt.socket.cork();
    // Write the packet directly to the stream: MQTT.js keeps no state for a QoS 0 publish, and would create
    // five chunks for it.
    if (frame.length > copiedBytesMax) {
      attempt.socket.cork();
      attempt.socket.write(publishHeader(topic, frame.length));
      attempt.socket.write(frame);
      attempt.socket.uncork();
    } else {
      attempt.socket.write(publishHeader(topic, frame.length, frame));
    }
    if (!carriesPing) return false;
    this.#ping(attempt, nowMs);
    attempt.socket.uncork();
    return true;
  }

  #ping(attempt: Attempt, nowMs: number): void {
    attempt.used = false;
    attempt.lastPingAtMs = nowMs;
    attempt.pingSentAtMs = nowMs;
    // As for a frame, MQTT.js keeps no state. It handles PINGRESP.
    attempt.socket.write(pingRequest);
  }

  /** Sends a ping with that of the other connection to the peer, if the last one is old. */
  joinPing(): void {
    const attempt = this.#attempt;
    if (!attempt || !this.connected || attempt.pingSentAtMs !== null) return;
    const nowMs = this.#options.now();
    if (nowMs - attempt.lastPingAtMs >= jointPingIntervalMs) this.#ping(attempt, nowMs);
  }

  /**
   * Sends pings, and closes the connection if the peer does not respond. Called every `pingIntervalMs`.
   *
   * @param pausedMs time for which this process was suspended before the call
   * @returns whether this connection has sent a ping
   */
  check(nowMs: number, pausedMs: number): boolean {
    const attempt = this.#attempt;
    if (!attempt || attempt.connectedAtMs === null || attempt.socket.destroyed) return false;
    // A suspended process receives nothing, so the pause does not count as silence of the peer.
    if (pausedMs > pingIntervalMs) attempt.lastReceivedAtMs = nowMs;
    this.#noteProgress(attempt, nowMs);
    if (silenceMs(attempt, nowMs) > responseTimeoutMs) {
      this.#warn({}, 'connection to a peer closed: the peer does not respond');
      attempt.socket.destroy();
      return false;
    }
    // Send no ping while a ping is unanswered, because pings would accumulate behind a backlog.
    if (attempt.pingSentAtMs !== null || !this.#pingIsDue(attempt, nowMs)) return false;
    this.#ping(attempt, nowMs);
    return true;
  }

  /** Closes the connection if the certificate of the peer is revoked. */
  closeIfRevoked(): void {
    const { socket, chain = null, secured = false } = this.#attempt ?? {};
    const revocations = this.#options.tls()?.revocations;
    if (!secured || revocations === undefined || !(socket instanceof TLSSocket)) return;
    if (revocations.endsOpen(chain ?? revocations.chainOf(socket))) this.#closeRevoked(socket);
  }

  #closeRevoked(socket: Socket): void {
    this.#warn({}, 'connection to a peer closed: its certificate is revoked (tls.crl)');
    socket.destroy();
  }

  /** Records that the peer has received the frames that were sent, so they are no reason for a ping. */
  confirm(): void {
    if (this.#attempt) this.#attempt.used = false;
  }

  /** Returns whether the next ping is due. An idle connection uses a longer ping interval. */
  #pingIsDue(attempt: Attempt, nowMs: number): boolean {
    const { kind } = this.#options;
    const usedIntervalMs = kind === 'raft' ? raftPingIntervalMs : pingIntervalMs;
    const intervalMs = attempt.used ? usedIntervalMs : idlePingIntervalsMs[kind];
    // A timer that fires slightly early must not postpone the ping by one interval.
    return nowMs - attempt.lastPingAtMs >= intervalMs - pingIntervalMs / 2;
  }

  /**
   * Treats progress of the backlog as a response of the peer, because the ping waits behind the backlog. The
   * kernel accepts more of a backlog only if the peer acknowledges data. Without a backlog, an accepted write
   * proves nothing: the kernel buffers much data for a dead host.
   */
  #noteProgress(attempt: Attempt, nowMs: number): void {
    const { bytesWritten, writableLength } = attempt.socket;
    const flushedBytes = bytesWritten - writableLength;
    const hasBacklog = writableLength > 0;
    if (hasBacklog && attempt.hadBacklog && flushedBytes > attempt.flushedBytes)
      attempt.lastReceivedAtMs = nowMs;
    attempt.flushedBytes = flushedBytes;
    attempt.hadBacklog = hasBacklog;
  }

  #connect(): void {
    if (this.#stopped) return;
    const { self, cluster, kind, now } = this.#options;
    const socket = this.#openSocket();
    socket.setNoDelay(true);
    const client = new MqttClient(() => socket, {
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: clientIdOf(self, kind),
      username: userNameOf(cluster),
      clean: true,
      keepalive: keepAliveSeconds,
      connectTimeout: connectTimeoutMs,
      // MQTT.js' own reconnects and pings ignore a backlog and a pause of this process.
      reconnectPeriod: 0,
      timerVariant: noTimer,
      queueQoSZero: false,
      resubscribe: false,
    });
    const attempt: Attempt = {
      socket,
      client,
      connectedAtMs: null,
      secured: false,
      chain: null,
      rejected: false,
      fault: null,
      lastReceivedAtMs: now(),
      pingSentAtMs: null,
      lastPingAtMs: -Infinity,
      used: false,
      flushedBytes: 0,
      hadBacklog: false,
    };
    this.#attempt = attempt;
    client.on('connect', () => {
      attempt.connectedAtMs = attempt.lastReceivedAtMs = now();
      this.#options.onState('up');
    });
    client.on('packetreceive', (packet) => this.#onPacket(attempt, packet.cmd));
    client.on('error', (error: Error & { code?: unknown }) => {
      // CONNACK return codes are numbers, error codes of the system are strings.
      if (typeof error.code === 'number') attempt.rejected = true;
      if (error.code === revokedReturnCode) this.#options.onRevoked();
      attempt.fault ??= error as NodeJS.ErrnoException;
    });
    socket.on('error', (error) => (attempt.fault ??= error));
    // Only TLS sockets emit this event.
    socket.once('secureConnect', () => {
      attempt.secured = true;
      const revocations = this.#options.tls()?.revocations;
      if (revocations === undefined || !(socket instanceof TLSSocket)) return;
      attempt.chain = revocations.chainOf(socket);
      // The lists may have changed during the handshake.
      if (revocations.contains(attempt.chain)) this.#closeRevoked(socket);
    });
    socket.once('close', () => this.#onClosed(attempt));
  }

  #openSocket(): Socket {
    const { peer } = this.#options;
    const tls = this.#options.tls();
    if (!tls) return connectPlain({ host: peer.host, port: peer.port });
    return connectTls({
      host: peer.host,
      port: peer.port,
      ...secureOptionsOf(tls),
      checkServerIdentity: (_host, certificate) =>
        certificateMatches(certificate, peer.id, peer.host)
          ? undefined
          : new Error(`the certificate names neither ${peer.id} nor ${peer.host}`),
    });
  }

  #onPacket(attempt: Attempt, command: string | undefined): void {
    const now = this.#options.now();
    attempt.lastReceivedAtMs = now;
    if (command !== 'pingresp' || attempt.pingSentAtMs === null) return;
    this.#options.onRoundTrip(now - attempt.pingSentAtMs);
    attempt.pingSentAtMs = null;
  }

  #onClosed(attempt: Attempt): void {
    attempt.client.end(true);
    if (this.#attempt !== attempt) return;
    this.#attempt = null;
    const wasStable =
      attempt.connectedAtMs !== null && this.#options.now() - attempt.connectedAtMs >= stableConnectionMs;
    if (wasStable) this.#failuresInRow = 0;
    const refused = attempt.fault?.code === 'ECONNREFUSED';
    if (attempt.connectedAtMs === null && !refused && !this.#stopped) this.#logFailure(attempt);
    // Schedule the reconnect first, because the state handler may stop this connection.
    if (!this.#stopped) this.#scheduleRetry(attempt.rejected);
    this.#options.onState(refused ? 'refused' : 'down');
  }

  #logFailure(attempt: Attempt): void {
    if (attempt.rejected) {
      this.#warn(
        { reason: attempt.fault?.message },
        'connection rejected by a peer: see the log of the peer for the reason',
      );
    } else {
      const reason =
        attempt.fault?.message ?? (attempt.secured ? closedAfterHandshake : 'closed or timed out');
      this.#warn({ reason }, 'a peer cannot be connected');
    }
  }

  #scheduleRetry(rejected: boolean): void {
    const step = Math.min(this.#failuresInRow, reconnectDelaysMs.length - 1);
    this.#failuresInRow += 1;
    const delayMs = rejected ? rejectedReconnectDelayMs : reconnectDelaysMs[step]!;
    this.#retryTimer = setTimeout(() => this.#connect(), delayMs * (0.5 + this.#options.random()));
  }

  #warn(fields: object, message: string): void {
    const { peer, kind, log } = this.#options;
    const address = `${peer.host}:${peer.port}`;
    log.warn(`${peer.id} ${kind}`, { peer: peer.id, connection: kind, address, ...fields }, message);
  }
}

/**
 * Returns how long the peer has not responded, ms. The result is above 0 only while a ping is unanswered. A
 * packet received up to one interval before the ping counts as a response.
 */
function silenceMs({ pingSentAtMs, lastReceivedAtMs }: Attempt, nowMs: number): number {
  return pingSentAtMs === null ? 0 : nowMs - Math.max(lastReceivedAtMs, pingSentAtMs - pingIntervalMs);
}
