import { performance } from 'node:perf_hooks';
import type {
  Bridge,
  BridgeCounters,
  Channel,
  MemberId,
  Outgoing,
  PeerMessage,
} from '@mqtt-cluster/contracts';
import { pingIntervalMs } from './bounds.ts';
import { ClusterListener } from './listener/cluster-listener.ts';
import { decodeFrame } from './frame/frame.ts';
import { FrameEncoder } from './frame/frame-encoder.ts';
import { OccasionalLog } from './rate-limited-log.ts';
import type { BridgeOptions } from './options.ts';
import { PeerLink } from './link/peer-link.ts';
import { takeMessages } from './frame/receive-frame.ts';

export interface ListeningBridge extends Bridge {
  /** Where the cluster listener listens; only while started. */
  address(): { readonly host: string; readonly port: number };
  /** Brings the metrics up to date; by itself it does so now and then. */
  report(): void;
}

/**
 * Carries peer messages over MQTT: what we send is published on the peer's cluster listener through
 * connections of our own, what we receive comes in on ours. Link states tell of the sending direction.
 *
 * `start` throws {@link ListenError} when the listener's address can't be had; absent peers are no error.
 */
export function createBridge(options: BridgeOptions): ListeningBridge {
  return new MqttBridge(options);
}

class MqttBridge implements ListeningBridge {
  readonly #options: BridgeOptions;
  readonly #now: () => number;
  readonly #links = new Map<MemberId, PeerLink>();
  readonly #listener: ClusterListener;
  readonly #log: OccasionalLog;
  #timer: NodeJS.Timeout | null = null;
  #checkedAtMs = 0;
  #running = false;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#now = options.now ?? ((): number => performance.now());
    this.#log = new OccasionalLog(options.logger, this.#now);
    for (const peer of options.peers) {
      if (peer.id === options.self) continue;
      this.#links.set(peer.id, new PeerLink({ bridge: options, peer, log: this.#log, now: this.#now }));
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
    this.#timer = setInterval(() => this.#check(), pingIntervalMs);
  }

  async stop(): Promise<void> {
    this.#running = false;
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    await Promise.all([this.#listener.stop(), ...[...this.#links.values()].map((link) => link.stop())]);
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

  report(): void {
    for (const link of this.#links.values()) link.report();
  }

  #check(): void {
    const now = this.#now();
    const pausedMs = now - this.#checkedAtMs - pingIntervalMs;
    this.#checkedAtMs = now;
    for (const link of this.#links.values()) link.check(now, pausedMs);
  }

  #receive(from: MemberId, frame: Uint8Array): void {
    const link = this.#links.get(from);
    if (!link || !this.#running) return;
    takeMessages({
      from,
      frame,
      statistics: link.statistics,
      log: this.#log,
      decode: decodeFrame,
      deliver: (message) => this.#options.handlers.onMessage(from, message),
    });
  }
}

interface Group {
  readonly to: MemberId;
  readonly channel: Channel;
  readonly messages: PeerMessage[];
}

/** All of one peer and channel share frames; the order within each is kept. */
export function groupByPeerAndChannel(outgoing: readonly Outgoing[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const { to, channel, message } of outgoing) {
    const key = `${channel} ${to}`;
    const group = groups.get(key);
    if (group) group.messages.push(message);
    else groups.set(key, { to, channel, messages: [message] });
  }
  return groups.values();
}
