import type { BridgeHandlers, Logger, MemberId } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

export interface BridgePeer {
  readonly id: MemberId;
  /** Name or address of its cluster listener. */
  readonly host: string;
  readonly port: number;
}

/** Mutual TLS, all PEM. A peer's certificate must be made out to its member id or to its configured host. */
export interface BridgeTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** The only authority whose certificates count. */
  readonly ca: string | Buffer;
}

export interface BridgeOptions {
  readonly self: MemberId;
  /** Members of clusters with other names are refused. */
  readonly cluster: string;
  /** All other members; one with the id of `self` is left out, so that all hosts may share one list. */
  readonly peers: readonly BridgePeer[];
  /** Of our own cluster listener; port 0 takes a free one (see `address()`). */
  readonly listen: { readonly host: string; readonly port: number };
  /** Without it everything is plain and anybody may pass for a peer: for a lab only. */
  readonly tls?: BridgeTls;
  readonly handlers: BridgeHandlers;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Monotonic clock, ms; `performance.now` by default. */
  readonly now?: () => number;
  /** Uniform in [0, 1), for the spread of reconnects; `Math.random` by default. */
  readonly random?: () => number;
  /** Bytes waiting for one peer beyond which QoS 0 is dropped. Raising it makes what arrives older. */
  readonly liveBacklogBytesMax?: number;
  /**
   * Bytes waiting for one peer beyond which bulk is dropped too. Raising it costs memory for each slow peer.
   */
  readonly logBacklogBytesMax?: number;
}
