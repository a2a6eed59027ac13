import type { Bridge, BridgeCounters, BridgeHandlers, MemberId, Outgoing } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { groupByPeerAndChannel } from '../bridge.ts';
import { decodeFrame } from '../frame/frame.ts';
import { FrameEncoder } from '../frame/frame-encoder.ts';
import { OccasionalLog } from '../rate-limited-log.ts';
import { PeerStatistics } from '../link/peer-statistics.ts';
import { takeMessages } from '../frame/receive-frame.ts';

export interface MemoryBridgeOptions {
  readonly self: MemberId;
  readonly peers: readonly MemberId[];
  readonly handlers: BridgeHandlers;
}

/** A network of bridges within one process, for tests: the same frames, no sockets. */
export interface MemoryBridges {
  bridge(options: MemoryBridgeOptions): Bridge;
  /** Frames between the two are lost and both see `down`, until `mend`. */
  cut(one: MemberId, other: MemberId): void;
  mend(one: MemberId, other: MemberId): void;
}

export function createMemoryBridges(): MemoryBridges {
  const running = new Map<MemberId, MemoryBridge>();
  const cuts = new Set<string>();
  const pairKey = (one: MemberId, other: MemberId): string => [one, other].sort().join(' ');
  const network: Network = {
    running,
    isCut: (one, other) => cuts.has(pairKey(one, other)),
  };
  const refresh = (one: MemberId, other: MemberId): void => {
    running.get(one)?.refresh(other);
    running.get(other)?.refresh(one);
  };
  return {
    bridge: (options) => new MemoryBridge(network, options),
    cut(one, other) {
      cuts.add(pairKey(one, other));
      refresh(one, other);
    },
    mend(one, other) {
      cuts.delete(pairKey(one, other));
      refresh(one, other);
    },
  };
}

interface Network {
  readonly running: Map<MemberId, MemoryBridge>;
  isCut(one: MemberId, other: MemberId): boolean;
}

class MemoryBridge implements Bridge {
  readonly #network: Network;
  readonly #options: MemoryBridgeOptions;
  readonly #statistics = new Map<MemberId, PeerStatistics>();
  readonly #states = new Map<MemberId, 'up' | 'down' | 'refused'>();
  readonly #log = new OccasionalLog(silentLogger, () => 0);

  constructor(network: Network, options: MemoryBridgeOptions) {
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
        // A copy each, as a network makes one.
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
    if (!statistics || this.#network.isCut(from, this.#options.self)) return;
    const deliver = this.#options.handlers.onMessage.bind(this.#options.handlers, from);
    takeMessages({ from, frame, statistics, log: this.#log, decode: decodeFrame, deliver });
  }

  refresh(peer: MemberId): void {
    if (!this.#states.has(peer)) return;
    const { self, handlers } = this.#options;
    const reachable = !this.#network.isCut(self, peer);
    const state = !reachable ? 'down' : this.#network.running.has(peer) ? 'up' : 'refused';
    if (this.#states.get(peer) === state) return;
    this.#states.set(peer, state);
    // Later, as over a network: whoever causes the change must not hear of it in the middle of its call.
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
