import type { BridgeCounters, Channel, LinkState, MemberId, PeerMessage } from '@mqtt-cluster/contracts';
import { bridgeTopics } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import {
  frameBytesMax,
  liveBacklogBytesMax,
  logBacklogBytesMax,
  quietLogChecks,
  raftBacklogBytesMax,
  reportIntervalMs,
} from '../bounds.ts';
import type { FrameEncoder } from '../frame/frame-encoder.ts';
import { connectionByChannel } from '../handshake.ts';
import type { ConnectionKind } from '../handshake.ts';
import type { RateLimitedLog } from '../rate-limited-log.ts';
import type { BridgeOptions, BridgePeer, BridgeTls } from '../options.ts';
import { OutgoingConnection } from './outgoing-connection.ts';
import { PeerMetrics, PeerStatistics, reportBacklogBounds } from './peer-statistics.ts';

interface PeerLinkOptions {
  readonly bridge: BridgeOptions;
  readonly peer: BridgePeer;
  /** Returns the key and the certificates for a new connection. */
  readonly tls: () => BridgeTls | undefined;
  readonly log: RateLimitedLog;
  readonly now: () => number;
}

const kinds: readonly ConnectionKind[] = ['raft', 'log'];

/**
 * Both connections to one peer. Enforces the backlog bounds, and combines the two connection states into one.
 */
export class PeerLink {
  readonly peer: MemberId;
  readonly statistics = new PeerStatistics();
  readonly #connections: Readonly<Record<ConnectionKind, OutgoingConnection>>;
  readonly #states: Record<ConnectionKind, LinkState> = { raft: 'down', log: 'down' };
  readonly #backlogBytesMax: Readonly<Record<Channel, number>>;
  readonly #metrics: PeerMetrics;
  readonly #log: RateLimitedLog;
  readonly #bridge: BridgeOptions;
  #state: LinkState = 'down';
  #started = false;
  #reportedAtMs = -Infinity;
  /** Checks since the last frame on the `log` connection. */
  #quietLogChecks = 0;
  /** Whether the peer has answered a frame of the `raft` connection since the last check. */
  #isAnswered = false;
  /** Whether the peer has answered a question, which the `log` connection carries, since the last check. */
  #isQuestionAnswered = false;

  constructor({ bridge, peer, tls, log, now }: PeerLinkOptions) {
    this.peer = peer.id;
    this.#bridge = bridge;
    this.#log = log;
    const metrics: Metrics = bridge.metrics ?? noMetrics;
    this.#metrics = new PeerMetrics(metrics, peer.id);
    this.#backlogBytesMax = {
      raft: raftBacklogBytesMax,
      log: bridge.logBacklogBytesMax ?? logBacklogBytesMax,
      live: bridge.liveBacklogBytesMax ?? liveBacklogBytesMax,
    };
    reportBacklogBounds(metrics, this.#backlogBytesMax);
    const connection = (kind: ConnectionKind): OutgoingConnection =>
      new OutgoingConnection({
        self: bridge.self,
        cluster: bridge.cluster,
        peer,
        kind,
        tls,
        log,
        now,
        random: bridge.random ?? Math.random,
        onState: (state) => this.#onConnectionState(kind, state),
        onRoundTrip: (milliseconds) => this.#onRoundTrip(kind, milliseconds),
        onRevoked: () => bridge.onRevoked?.(peer.id),
      });
    this.#connections = { raft: connection('raft'), log: connection('log') };
  }

  start(): void {
    this.#started = true;
    for (const kind of kinds) this.#connections[kind].start();
  }

  async stop(): Promise<void> {
    this.#started = false;
    await Promise.all(kinds.map((kind) => this.#connections[kind].stop()));
    this.#states.raft = this.#states.log = this.#state = 'down';
  }

  send(channel: Channel, messages: readonly PeerMessage[], encoder: FrameEncoder): void {
    const kind = connectionByChannel[channel];
    const connection = this.#connections[kind];
    if (kind === 'log') this.#quietLogChecks = 0;
    if (!connection.connected || connection.backlogBytes > this.#backlogBytesMax[channel]) {
      this.statistics.dropped[channel] += messages.length;
      if (connection.connected) {
        const text = 'messages to a slow peer dropped: its backlog exceeds the bound';
        this.#log.warn(this.peer, { peer: this.peer, channel }, text);
      }
      return;
    }
    for (const frame of encoder.encode(channel, messages)) {
      if (frame.length > frameBytesMax) {
        this.statistics.dropped[channel] += 1;
        this.#log.warn(
          this.peer,
          { peer: this.peer, channel, bytes: frame.length },
          'message to a peer dropped: it exceeds the maximum frame size',
        );
        continue;
      }
      const hasPinged = connection.publish(bridgeTopics[channel], frame);
      if (hasPinged && kind === 'raft') this.#connections.log.joinPing();
      this.statistics.bytesSent += frame.length;
      this.statistics.framesSent += 1;
    }
  }

  closeIfRevoked(): void {
    for (const kind of kinds) this.#connections[kind].closeIfRevoked();
  }

  /** Records an answer of the peer to an append or a heartbeat of this member. */
  appendAnswered(): void {
    this.#isAnswered = this.#quietLogChecks >= quietLogChecks;
  }

  /** Records an answer of the peer to a question of this member. */
  questionAnswered(): void {
    this.#isQuestionAnswered = true;
  }

  check(nowMs: number, pausedMs: number): void {
    const { raft, log } = this.#connections;
    if (this.#isAnswered) raft.confirm();
    if (this.#isQuestionAnswered) log.confirm();
    this.#isAnswered = this.#isQuestionAnswered = false;
    this.#quietLogChecks += 1;
    const hasPinged = raft.check(nowMs, pausedMs);
    log.check(nowMs, pausedMs);
    if (hasPinged) log.joinPing();
    if (nowMs - this.#reportedAtMs < reportIntervalMs) return;
    this.#reportedAtMs = nowMs;
    this.report();
  }

  /** Updates the metrics. */
  report(): void {
    this.#metrics.report(this.statistics, this.#backlogBytes(), this.#state === 'up');
  }

  counters(): BridgeCounters {
    const { bytesSent, bytesReceived, framesRefused, dropped, roundTripMs } = this.statistics;
    const backlogBytes = this.#backlogBytes();
    return { bytesSent, bytesReceived, framesRefused, liveDropped: dropped.live, backlogBytes, roundTripMs };
  }

  #backlogBytes(): number {
    return this.#connections.raft.backlogBytes + this.#connections.log.backlogBytes;
  }

  #onRoundTrip(kind: ConnectionKind, milliseconds: number): void {
    // The round trip of the `log` connection includes the backlog before the ping.
    if (kind === 'raft') this.statistics.roundTripMs = milliseconds;
  }

  #onConnectionState(kind: ConnectionKind, state: LinkState): void {
    this.#states[kind] = state;
    if (state === 'up') this.statistics.connects += 1;
    const combined = combine(this.#states.raft, this.#states.log);
    if (combined === this.#state || !this.#started) return;
    this.#state = combined;
    this.#bridge.logger.info({ peer: this.peer, state: combined }, 'the state of the link to a peer changed');
    this.#bridge.handlers.onLink(this.peer, combined);
  }
}

/**
 * Returns `up` only if both connections are up, because the member sends its state again when a link comes
 * up. Returns `refused` only if no connection is up.
 */
function combine(one: LinkState, other: LinkState): LinkState {
  if (one === 'up' && other === 'up') return 'up';
  if (one === 'up' || other === 'up') return 'down';
  return one === 'refused' || other === 'refused' ? 'refused' : 'down';
}
