import type { Bridge, BridgeCounters, BridgeHandlers, MemberId, Outgoing } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { groupByPeerAndChannel } from '../bridge.ts';
import { decodeFrame } from '../frame/frame.ts';
import { FrameEncoder } from '../frame/frame-encoder.ts';
import { RateLimitedLog } from '../rate-limited-log.ts';
import { PeerStatistics } from '../link/peer-statistics.ts';
import { receiveFrame } from '../frame/receive-frame.ts';

export interface MemoryBridgeOptions {
  readonly self: MemberId;
  readonly peers: readonly MemberId[];
  readonly handlers: BridgeHandlers;
}

/** A network of bridges in one process, for tests. It carries real frames, without sockets. */
export interface MemoryNetwork {
  bridge(options: MemoryBridgeOptions): Bridge;
  /** Drops all frames between two members, and reports their links as `down`, until {@link heal}. */
  partition(one: MemberId, other: MemberId): void;
  heal(one: MemberId, other: MemberId): void;
}

export function createMemoryNetwork(): MemoryNetwork {
  const running = new Map<MemberId, MemoryBridge>();
  const partitions = new Set<string>();
  const pairKey = (one: MemberId, other: MemberId): string => [one, other].sort().join(' ');
  const network: NetworkState = {
    running,
    isPartitioned: (one, other) => partitions.has(pairKey(one, other)),
  };
  const refresh = (one: MemberId, other: MemberId): void => {
    running.get(one)?.refresh(other);
    running.get(other)?.refresh(one);
  };
  return {
    bridge: (options) => new MemoryBridge(network, options),
    partition(one, other) {
      partitions.add(pairKey(one, other));
      refresh(one, other);
    },
    heal(one, other) {
      partitions.delete(pairKey(one, other));
      refresh(one, other);
    },
  };
}

interface NetworkState {
  readonly running: Map<MemberId, MemoryBridge>;
  isPartitioned(one: MemberId, other: MemberId): boolean;
}

class MemoryBridge implements Bridge {
  readonly #network: NetworkState;
  readonly #options: MemoryBridgeOptions;
  readonly #statistics = new Map<MemberId, PeerStatistics>();
  readonly #states = new Map<MemberId, 'up' | 'down' | 'refused'>();
  readonly #log = new RateLimitedLog(silentLogger, () => 0);

  constructor(network: NetworkState, options: MemoryBridgeOptions) {
    this.#network = network;
    this.#options = options;
    for (const peer of options.peers) {
      if (peer === options.self) continue;
      this.#statistics.set(peer, new PeerStatistics());
      this.#states.set(peer, 'down');
    }
  }

  async start(): Promise<void> {
    this.#network.running.set(this.#options.self, this);
    this.#refreshAll();
  }

  async stop(): Promise<void> {
    this.#network.running.delete(this.#options.self);
    this.#refreshAll();
  }

  send(outgoing: readonly Outgoing[]): void {
    const { self } = this.#options;
    const encoder = new FrameEncoder();
    for (const { to, channel, messages } of groupByPeerAndChannel(outgoing)) {
      const statistics = this.#statistics.get(to);
      if (!statistics) continue;
      if (this.#states.get(to) !== 'up') {
        statistics.dropped[channel] += messages.length;
        continue;
      }
      for (const frame of encoder.encode(channel, messages)) {
        statistics.bytesSent += frame.length;
        // Each receiver gets a copy, like on a network.
        setImmediate(() => this.#network.running.get(to)?.receive(self, new Uint8Array(frame)));
      }
    }
  }

  counters(): Readonly<Record<MemberId, BridgeCounters>> {
    return Object.fromEntries(
      [...this.#statistics].map(([peer, { bytesSent, bytesReceived, framesRefused, dropped }]) => [
        peer,
        {
          bytesSent,
          bytesReceived,
          framesRefused,
          liveDropped: dropped.live,
          backlogBytes: 0,
          roundTripMs: null,
        },
      ]),
    );
  }

  receive(from: MemberId, frame: Uint8Array): void {
    const statistics = this.#statistics.get(from);
    if (!statistics || this.#network.isPartitioned(from, this.#options.self)) return;
    const deliver = this.#options.handlers.onMessage.bind(this.#options.handlers, from);
    receiveFrame({ from, frame, statistics, log: this.#log, decode: decodeFrame, deliver });
  }

  refresh(peer: MemberId): void {
    if (!this.#states.has(peer)) return;
    const { self, handlers } = this.#options;
    const reachable = !this.#network.isPartitioned(self, peer);
    const state = !reachable ? 'down' : this.#network.running.has(peer) ? 'up' : 'refused';
    if (this.#states.get(peer) === state) return;
    this.#states.set(peer, state);
    // The handler must not run within the call that causes the change, like on a network.
    setImmediate(() => {
      if (this.#network.running.get(self) === this) handlers.onLink(peer, state);
    });
  }

  #refreshAll(): void {
    for (const peer of this.#statistics.keys()) {
      this.refresh(peer);
      this.#network.running.get(peer)?.refresh(this.#options.self);
    }
  }
}
