import type { BridgeHandlers, EverySecond, Logger, MemberId, Revocations } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

export interface BridgePeer {
  readonly id: MemberId;
  /** Name or address of the peer's cluster listener. */
  readonly host: string;
  readonly port: number;
}

/** Mutual TLS, all in PEM. A peer's certificate must name the peer's member id or its configured host. */
export interface BridgeTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** The only trusted certificate authorities. */
  readonly ca: string | Buffer;
  /** A revocation list of each authority. Default: no certificate is revoked. */
  readonly revocations?: Revocations;
}

export interface BridgeOptions {
  readonly self: MemberId;
  /** Name of the cluster. The listener rejects members of other clusters. */
  readonly cluster: string;
  /** The other members. An entry with the id of `self` is ignored, so that all hosts can share one list. */
  readonly peers: readonly BridgePeer[];
  /** Address of this member's cluster listener. Port 0 binds any free port (see `address()`). */
  readonly listen: { readonly host: string; readonly port: number };
  /** Without TLS the connections are not encrypted and anyone can pose as a peer. Omit TLS in a lab only. */
  readonly tls?: BridgeTls;
  readonly handlers: BridgeHandlers;
  /** A peer has refused this member, because the certificate of this member is revoked. Called at each refusal. */
  readonly onRevoked?: (peer: MemberId) => void;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Runs the checks of the connections. Default: a timer of the bridge's own. */
  readonly everySecond?: EverySecond;
  /** Monotonic clock, ms. Default: `performance.now`. */
  readonly now?: () => number;
  /** Returns a number in [0, 1) that varies the reconnect delays. Default: `Math.random`. */
  readonly random?: () => number;
  /**
   * Backlog of one peer above which live messages are dropped, bytes. A higher bound delivers older live
   * messages.
   */
  readonly liveBacklogBytesMax?: number;
  /**
   * Backlog of one peer above which `log` messages are dropped, bytes. A higher bound costs memory for each
   * slow peer.
   */
  readonly logBacklogBytesMax?: number;
}
