import { connect as connectPlain } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { LinkState, MemberId } from '@mqtt-cluster/contracts';
import { MqttClient } from 'mqtt';
import {
  connectTimeoutMs,
  keepAliveSeconds,
  lastWordsMsMax,
  pingIntervalMs,
  quietPingIntervalsMs,
  raftPingIntervalMs,
  reconnectDelaysMs,
  rejectedDelayMs,
  settledConnectionMs,
  silenceMsMax,
} from '../bounds.ts';
import { certificateNames, clientIdOf, userNameOf } from '../handshake.ts';
import type { ConnectionKind } from '../handshake.ts';
import type { OccasionalLog } from '../rate-limited-log.ts';
import type { BridgePeer, BridgeTls } from '../options.ts';

/** Smaller frames are cheaper copied behind their header than written apart. */
const copiedBytesMax = 16 * 1024;

const noTimer = { set: (): number => 0, clear: (): void => {} };

export interface OutgoingConnectionOptions {
  readonly self: MemberId;
  readonly cluster: string;
  readonly peer: BridgePeer;
  readonly kind: ConnectionKind;
  readonly tls: BridgeTls | undefined;
  readonly log: OccasionalLog;
  readonly now: () => number;
  readonly random: () => number;
  onState(state: LinkState): void;
  onRoundTrip(milliseconds: number): void;
}

/** With TLS 1.3 a client learns only so that its certificate was refused. */
const closedAfterHandshake =
  'closed after the TLS handshake: does the peer refuse the certificate of this member? Its log tells why';

/** What belongs to one TCP connection and goes with it. */
interface Attempt {
  readonly socket: Socket;
  readonly client: MqttClient;
  connectedAtMs: number | null;
  /** The TLS handshake is done, as far as this side goes. */
  secured: boolean;
  /** Of CONNACK: the peer lives but won't have us. */
  rejected: boolean;
  fault: NodeJS.ErrnoException | null;
  heardAtMs: number;
  /** Of the ping that has no answer yet. */
  pingSentAtMs: number | null;
  lastPingAtMs: number;
  /** Something was published since the last ping. */
  used: boolean;
  flushedBytes: number;
  hadBacklog: boolean;
}

/**
 * One MQTT connection to a peer's cluster listener, made again for ever while started. MQTT.js speaks the
 * protocol; when to reconnect and when a silent connection is dead is decided here, because its own second
 * and half minute are too long for a failover.
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

  /** Lets what was published leave, if it can at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    const attempt = this.#attempt;
    if (!attempt) return;
    const { socket } = attempt;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), attempt.connectedAtMs === null ? 0 : lastWordsMsMax);
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

  /** Bytes that the kernel has not taken yet. */
  get backlogBytes(): number {
    return this.connected ? this.#attempt!.socket.writableLength : 0;
  }

  /** Only while connected: nothing is queued for an absent peer. */
  publish(topic: string, frame: Uint8Array): void {
    if (!this.connected) return;
    const attempt = this.#attempt!;
    attempt.used = true;
    const header = publishHeader(topic, frame.length);
    // QoS 0 leaves no trace in MQTT.js, whose own way takes five chunks and as many objects for it.
    if (frame.length > copiedBytesMax) {
      attempt.socket.cork();
      attempt.socket.write(header);
      attempt.socket.write(frame);
      attempt.socket.uncork();
    } else {
      const packet = Buffer.allocUnsafe(header.length + frame.length);
      packet.set(header, 0);
      packet.set(frame, header.length);
      attempt.socket.write(packet);
    }
  }

  /** Call every `pingIntervalMs`. Pings, and tears down what was silent for too long. */
  check(nowMs: number, pausedMs: number): void {
    const attempt = this.#attempt;
    if (!attempt || attempt.connectedAtMs === null || attempt.socket.destroyed) return;
    // What we ourselves slept through is no silence of the peer's.
    if (pausedMs > pingIntervalMs) attempt.heardAtMs = nowMs;
    this.#noteProgress(attempt, nowMs);
    if (silenceMs(attempt, nowMs) > silenceMsMax) {
      this.#warn({}, 'a peer is silent, its connection is closed');
      attempt.socket.destroy();
      return;
    }
    // One at a time: behind a backlog they would pile up.
    if (attempt.pingSentAtMs !== null || !this.#pingIsDue(attempt, nowMs)) return;
    attempt.used = false;
    attempt.lastPingAtMs = nowMs;
    attempt.pingSentAtMs = nowMs;
    attempt.client.sendPing();
  }

  /** A connection with nothing to lose may wait. */
  #pingIsDue(attempt: Attempt, nowMs: number): boolean {
    const { kind } = this.#options;
    const usedIntervalMs = kind === 'raft' ? raftPingIntervalMs : pingIntervalMs;
    const intervalMs = attempt.used ? usedIntervalMs : quietPingIntervalsMs[kind];
    // A timer that is early by a little must not make it one interval more.
    return nowMs - attempt.lastPingAtMs >= intervalMs - pingIntervalMs / 2;
  }

  /**
   * Behind a backlog an answer takes long. While the kernel takes more of a backlog the peer must be
   * acknowledging; without one it proves nothing, because the kernel's own buffer takes a lot for a dead
   * host.
   */
  #noteProgress(attempt: Attempt, nowMs: number): void {
    const { bytesWritten, writableLength } = attempt.socket;
    const flushedBytes = bytesWritten - writableLength;
    const hasBacklog = writableLength > 0;
    if (hasBacklog && attempt.hadBacklog && flushedBytes > attempt.flushedBytes) attempt.heardAtMs = nowMs;
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
      // Reconnects and pings are ours: its own take no account of a backlog or of a pause of this process.
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
      rejected: false,
      fault: null,
      heardAtMs: now(),
      pingSentAtMs: null,
      lastPingAtMs: -Infinity,
      used: false,
      flushedBytes: 0,
      hadBacklog: false,
    };
    this.#attempt = attempt;
    client.on('connect', () => {
      attempt.connectedAtMs = attempt.heardAtMs = now();
      this.#options.onState('up');
    });
    client.on('packetreceive', (packet) => this.#heard(attempt, packet.cmd));
    client.on('error', (error: Error & { code?: unknown }) => {
      // CONNACK's return codes are numbers, the system's are names.
      if (typeof error.code === 'number') attempt.rejected = true;
      attempt.fault ??= error as NodeJS.ErrnoException;
    });
    socket.on('error', (error) => (attempt.fault ??= error));
    // Of TLS sockets only.
    socket.once('secureConnect', () => (attempt.secured = true));
    socket.once('close', () => this.#closed(attempt));
  }

  #openSocket(): Socket {
    const { peer, tls } = this.#options;
    if (!tls) return connectPlain({ host: peer.host, port: peer.port });
    return connectTls({
      host: peer.host,
      port: peer.port,
      ...tls,
      minVersion: 'TLSv1.3',
      checkServerIdentity: (_host, certificate) =>
        certificateNames(certificate, peer.id, peer.host)
          ? undefined
          : new Error(`the certificate is made out to neither ${peer.id} nor ${peer.host}`),
    });
  }

  #heard(attempt: Attempt, command: string | undefined): void {
    const now = this.#options.now();
    attempt.heardAtMs = now;
    if (command !== 'pingresp' || attempt.pingSentAtMs === null) return;
    this.#options.onRoundTrip(now - attempt.pingSentAtMs);
    attempt.pingSentAtMs = null;
  }

  #closed(attempt: Attempt): void {
    attempt.client.end(true);
    if (this.#attempt !== attempt) return;
    this.#attempt = null;
    const wasSettled =
      attempt.connectedAtMs !== null && this.#options.now() - attempt.connectedAtMs >= settledConnectionMs;
    if (wasSettled) this.#failuresInRow = 0;
    const refused = attempt.fault?.code === 'ECONNREFUSED';
    if (attempt.connectedAtMs === null && !refused && !this.#stopped) this.#explain(attempt);
    // Scheduled first: whoever hears of the state may stop us.
    if (!this.#stopped) this.#scheduleRetry(attempt.rejected);
    this.#options.onState(refused ? 'refused' : 'down');
  }

  #explain(attempt: Attempt): void {
    if (attempt.rejected) {
      this.#warn(
        { reason: attempt.fault?.message },
        'a peer refuses this member: see its log for the reason',
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
    const delayMs = rejected ? rejectedDelayMs : reconnectDelaysMs[step]!;
    this.#retryTimer = setTimeout(() => this.#connect(), delayMs * (0.5 + this.#options.random()));
  }

  #warn(fields: object, message: string): void {
    const { peer, kind, log } = this.#options;
    const address = `${peer.host}:${peer.port}`;
    log.warn(`${peer.id} ${kind}`, { peer: peer.id, connection: kind, address, ...fields }, message);
  }
}

/** Only who was asked is silent; what was heard up to an interval before the question counts. */
function silenceMs({ pingSentAtMs, heardAtMs }: Attempt, nowMs: number): number {
  return pingSentAtMs === null ? 0 : nowMs - Math.max(heardAtMs, pingSentAtMs - pingIntervalMs);
}

/** Fixed header and topic of a QoS 0 PUBLISH (MQTT 3.1.1, 3.3). */
function publishHeader(topic: string, payloadBytes: number): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  let rest = 2 + topicBytes + payloadBytes;
  const bytes = [0x30];
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  bytes.push(topicBytes >> 8, topicBytes & 0xff);
  return Buffer.concat([Buffer.from(bytes), Buffer.from(topic)]);
}
