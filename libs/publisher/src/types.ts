import type { Lifecycle, Logger, QoS } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { FailoverClientOptions, Server } from '@mqtt-cluster/failover-client';

/** Times in milliseconds. {@link defaultPublisherTimings} has the defaults. */
export interface PublisherTimings {
  /**
   * How long to wait after SUBACK for the retained last numbers. A stream without one then starts a new run with number 1.
   * Raising it delays the start if a stream has no retained message yet.
   */
  readonly retainedWaitMsMax: number;
  /**
   * A standby publisher becomes active in a vacant group after a random time between `takeoverDelayMsMin` and
   * `takeoverDelayMsMax`. Raising them lengthens the gap. With a narrower range, several standby publishers
   * may become active at the same time.
   */
  readonly takeoverDelayMsMin: number;
  readonly takeoverDelayMsMax: number;
  /** Delay before rejected messages are sent again. Raising it delays all later messages of the stream. */
  readonly refusedRetryDelayMs: number;
}

export const defaultPublisherTimings: PublisherTimings = {
  retainedWaitMsMax: 1_000,
  takeoverDelayMsMin: 500,
  takeoverDelayMsMax: 2_500,
  refusedRetryDelayMs: 500,
};

export interface PublisherOptions {
  /** The id of the member on this host. The publisher's own group is `host-<memberId>`. */
  readonly memberId: string;
  readonly servers: readonly Server[];
  /** Id or URL of the server to prefer while it serves, for instance the member on this host. */
  readonly preferred?: string;
  /** A group that the publishers of all hosts share. One publisher is active, the others are on standby. */
  readonly sharedGroup?: string;
  /** Names of the measured values: `['temperature']` by default. Each is one topic level, without `/`, `+` and `#`. */
  readonly signals?: readonly string[];
  /** Messages per second for each signal and each QoS level, above 0. 1 by default. */
  readonly ratePerSecond?: number;
  /** The QoS levels to publish on. `[0, 1, 2]` by default. */
  readonly qosLevels?: readonly QoS[];
  /** Returns the value of a signal for a number. Equal arguments must give equal values, because a message may be sent twice. */
  readonly value?: (signal: string, number: number) => number;
  /**
   * Upper bound of unacknowledged messages of one signal and QoS level; beyond it new messages are skipped. 200 by default.
   * Raising it costs memory.
   */
  readonly unackedPerStreamMax?: number;
  /** Credentials, TLS, protocol version and timings of the connections. */
  readonly connection?: Pick<
    FailoverClientOptions,
    | 'username'
    | 'password'
    | 'credentials'
    | 'tls'
    | 'openStream'
    | 'protocolVersion'
    | 'timings'
    | 'discover'
  >;
  readonly timings?: Partial<PublisherTimings>;
  /** Called for each acknowledged QoS 1 and 2 message, with the milliseconds since its publish. */
  readonly onAck?: (qos: QoS, latencyMs: number) => void;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** Returns uniformly distributed numbers from 0 to below 1. `Math.random` by default. */
  readonly random?: () => number;
}

/** One count for each QoS level: 0, 1 and 2. */
export type PerQos = readonly [number, number, number];

export interface PublisherCounts {
  /** Number of sent messages. A message that is sent again counts only once. */
  readonly sent: PerQos;
  /** Number of acknowledged messages. Always 0 for QoS 0. */
  readonly acked: PerQos;
  /**
   * Number of messages that were due but not sent: no connection (QoS 0), or too many unacknowledged messages
   * (QoS 1 and 2).
   */
  readonly skipped: PerQos;
  /**
   * Number of messages that the server rejected and that are sent again (QoS 1 and 2), or that the client
   * dropped (QoS 0).
   */
  readonly refused: PerQos;
  /**
   * Number of messages without an acknowledgement when the connection ended. These messages may have been
   * delivered.
   */
  readonly unknown: PerQos;
}

export interface GroupStatus extends PublisherCounts {
  readonly group: string;
  readonly role: 'standby' | 'connecting' | 'active' | 'stopped';
  readonly connected: boolean;
  readonly server: string | null;
  /** The instance name of the active publisher, as far as this publisher knows, or null. */
  readonly active: string | null;
  /** The last sequence number of each stream `<signal>/qos<N>`. */
  readonly lastNumbers: Readonly<Record<string, number>>;
  /** How often this publisher became active or tried to. */
  readonly tenures: number;
  readonly failovers: number;
}

export interface PublisherStatus {
  /** The name of this publisher in the state of its groups: the member id and a random suffix. */
  readonly instance: string;
  readonly groups: readonly GroupStatus[];
}

export interface Publisher extends Lifecycle {
  status(): PublisherStatus;
  /** Updates the metrics. Must be called before the metrics are read. */
  report(): void;
}
