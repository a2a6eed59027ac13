/**
 * Carries the messages of members to each other, over MQTT.
 *
 * Each member runs a cluster listener and opens two connections to the listener of each peer: one for votes
 * and heartbeats (`raft`), one for entries, proposals and live messages (`log`). A member sends only on the
 * connections that it opened, and receives only on its listener. A link state therefore describes the sending
 * direction.
 *
 * Delivery is best effort: the member repeats lost messages. Messages to an absent or slow peer are dropped,
 * so memory is bounded per peer (docs/DESIGN.md, "The bridge").
 */
import { performance } from 'node:perf_hooks';
import { createEverySecond } from '@mqtt-cluster/contracts';
import type {
  Bridge,
  BridgeCounters,
  Channel,
  MemberId,
  Outgoing,
  PeerMessage,
} from '@mqtt-cluster/contracts';
import { bridgeMetrics, MetricTotals } from '@mqtt-cluster/metric-catalogue';
import { pingIntervalMs } from './bounds.ts';
import { ClusterListener } from './listener/cluster-listener.ts';
import { decodeFrame } from './frame/frame.ts';
import { FrameEncoder } from './frame/frame-encoder.ts';
import { RateLimitedLog } from './rate-limited-log.ts';
import type { BridgeOptions, BridgeTls } from './options.ts';
import { PeerLink } from './link/peer-link.ts';
import { receiveFrame } from './frame/receive-frame.ts';

export interface ListeningBridge extends Bridge {
  /** Returns the bound address of the cluster listener. Valid only while the bridge runs. */
  address(): { readonly host: string; readonly port: number };
  /**
   * Uses another key and other certificates for new connections, to and from peers. Of the open connections, only those
   * to and from peers with a revoked certificate are closed.
   *
   * @throws Error the values are unusable, or the bridge has no TLS; the former values stay in use
   */
  updateTls(tls: BridgeTls): void;
  /** Updates the metrics. The bridge also does this every few seconds. */
  report(): void;
}

/**
 * Creates a bridge. `start` throws {@link ListenError} if the cluster listener cannot bind its address.
 * Absent peers are not an error.
 */
export function createBridge(options: BridgeOptions): ListeningBridge {
  return new MqttBridge(options);
}

class MqttBridge implements ListeningBridge {
  readonly #options: BridgeOptions;
  readonly #now: () => number;
  readonly #links = new Map<MemberId, PeerLink>();
  readonly #listener: ClusterListener;
  readonly #log: RateLimitedLog;
  readonly #totals: MetricTotals | null;
  #tls: BridgeTls | undefined;
  #stopChecks: () => void = () => {};
  #checkedAtMs = 0;
  #running = false;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#now = options.now ?? ((): number => performance.now());
    this.#log = new RateLimitedLog(options.logger, this.#now);
    this.#totals = options.metrics ? new MetricTotals(options.metrics) : null;
    for (const peer of options.peers) {
      if (peer.id === options.self) continue;
      this.#links.set(
        peer.id,
        new PeerLink({ bridge: options, peer, tls: () => this.#tls, log: this.#log, now: this.#now }),
      );
    }
    this.#listener = new ClusterListener({
      bridge: options,
      log: this.#log,
      onFrame: (from, frame) => this.#receive(from, frame),
    });
  }

  async start(): Promise<void> {
    await this.#listener.start();
    this.#running = true;
    for (const link of this.#links.values()) link.start();
    this.#checkedAtMs = this.#now();
    const { everySecond = createEverySecond() } = this.#options;
    this.#stopChecks = everySecond(() => this.#checkLinks());
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#stopChecks();
    await Promise.all([this.#listener.stop(), ...[...this.#links.values()].map((link) => link.stop())]);
    this.#log.flush(true);
  }

  send(outgoing: readonly Outgoing[]): void {
    if (!this.#running) return;
    const encoder = new FrameEncoder();
    for (const { to, channel, messages } of groupByPeerAndChannel(outgoing)) {
      this.#links.get(to)?.send(channel, messages, encoder);
    }
  }

  counters(): Readonly<Record<MemberId, BridgeCounters>> {
    return Object.fromEntries([...this.#links].map(([peer, link]) => [peer, link.counters()]));
  }

  address(): { readonly host: string; readonly port: number } {
    return this.#listener.address();
  }

  updateTls(tls: BridgeTls): void {
    if (this.#tls === undefined) throw new Error('the bridge has no TLS');
    this.#listener.updateTls(tls);
    this.#tls = tls;
    for (const link of this.#links.values()) link.closeIfRevoked();
  }

  report(): void {
    for (const link of this.#links.values()) link.report();
    this.#reportRefusals();
  }

  #checkLinks(): void {
    const now = this.#now();
    const pausedMs = now - this.#checkedAtMs - pingIntervalMs;
    this.#checkedAtMs = now;
    for (const link of this.#links.values()) link.check(now, pausedMs);
    this.#listener.sweep();
    this.#reportRefusals();
  }

  #reportRefusals(): void {
    this.#log.flush();
    for (const [reason, count] of Object.entries(this.#listener.refused)) {
      this.#totals?.report(bridgeMetrics.connectionsRefused, [reason], count);
    }
  }

  #receive(from: MemberId, frame: Uint8Array): void {
    const link = this.#links.get(from);
    if (!link || !this.#running) return;
    receiveFrame({
      from,
      frame,
      statistics: link.statistics,
      log: this.#log,
      decode: decodeFrame,
      deliver: (message) => {
        if (message.type === 'raft' && message.message.type === 'appendResponse') link.appendAnswered();
        else if (message.type === 'queryAnswer') link.questionAnswered();
        this.#options.handlers.onMessage(from, message);
      },
    });
  }
}

interface Group {
  readonly to: MemberId;
  readonly channel: Channel;
  readonly messages: PeerMessage[];
}

/** Groups messages by peer and channel, because each group shares frames. Keeps the order within a group. */
export function groupByPeerAndChannel(outgoing: readonly Outgoing[]): Iterable<Group> {
  const only = outgoing[0];
  if (outgoing.length === 1 && only)
    return [{ to: only.to, channel: only.channel, messages: [only.message] }];
  const groups = new Map<string, Group>();
  for (const { to, channel, message } of outgoing) {
    const key = `${channel} ${to}`;
    const group = groups.get(key);
    if (group) group.messages.push(message);
    else groups.set(key, { to, channel, messages: [message] });
  }
  return groups.values();
}
