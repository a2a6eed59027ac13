import type { Lifecycle, Logger, QoS } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { FailoverClientOptions, Server } from '@mqtt-cluster/failover-client';

export interface PublisherTimings {
  /**
   * How long to wait, after SUBACK, for the retained last numbers; what is missing then starts a new run from
   * 1.
   */
  readonly retainedWaitMsMax: number;
  /** A standby takes a vacant place after a random time between the two. */
  readonly takeoverDelayMsMin: number;
  readonly takeoverDelayMsMax: number;
  /** Wait before refused messages are sent again. */
  readonly refusedRetryDelayMs: number;
}

export const defaultPublisherTimings: PublisherTimings = {
  retainedWaitMsMax: 1_000,
  takeoverDelayMsMin: 500,
  takeoverDelayMsMax: 2_500,
  refusedRetryDelayMs: 500,
};

export interface PublisherOptions {
  /** The appliance's own name; its group is `host-<memberId>`. */
  readonly memberId: string;
  readonly servers: readonly Server[];
  /** Id or URL of the member on this host, used while it serves. */
  readonly preferred?: string;
  /** A group that the publishers of all hosts share: one is active, the others stand by. */
  readonly sharedGroup?: string;
  /** `temperature` by default. No `/`, `+` or `#`. */
  readonly signals?: readonly string[];
  /** Messages a second for each signal and each QoS level; 1 by default. */
  readonly ratePerSecond?: number;
  readonly qosLevels?: readonly QoS[];
  /**
   * What the signal has for this number. Must give the same for the same: a number stands for one content.
   */
  readonly value?: (signal: string, number: number) => number;
  /** Messages of one signal and QoS that wait for their ack; then telling of new ones is skipped. */
  readonly unackedPerStreamMax?: number;
  /** Credentials, TLS, protocol version and timings of the connections. */
  readonly connection?: Pick<
    FailoverClientOptions,
    'username' | 'password' | 'tls' | 'protocolVersion' | 'timings' | 'discover'
  >;
  readonly timings?: Partial<PublisherTimings>;
  /** Called for each QoS 1 and 2 ack; milliseconds since the publish. */
  readonly onAck?: (qos: QoS, latencyMs: number) => void;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

/** By QoS. */
export type PerQos = readonly [number, number, number];

export interface PublisherCounts {
  /** Messages, each once, however often they were sent. */
  readonly sent: PerQos;
  /** QoS 0 is never acked. */
  readonly acked: PerQos;
  /** Ticks without a message: no connection (QoS 0), or too many unacked. */
  readonly skipped: PerQos;
  /** Refused by the server and sent again later (QoS 1, 2), or dropped before they left (QoS 0). */
  readonly refused: PerQos;
  /** Ended without an ack: whether they arrived is not known. */
  readonly unknown: PerQos;
}

export interface GroupStatus extends PublisherCounts {
  readonly group: string;
  readonly role: 'standby' | 'connecting' | 'active' | 'stopped';
  readonly connected: boolean;
  readonly server: string | null;
  /** Who is active as far as this one knows: an instance name, or null. */
  readonly active: string | null;
  /** By `<signal>/qos<N>`. */
  readonly lastNumbers: Readonly<Record<string, number>>;
  readonly tenures: number;
  readonly failovers: number;
}

export interface PublisherStatus {
  /** Random name of this process's publisher in the state of its groups. */
  readonly instance: string;
  readonly groups: readonly GroupStatus[];
}

export interface Publisher extends Lifecycle {
  status(): PublisherStatus;
  /** Brings the metrics up to date; to be called before they are read. */
  report(): void;
}
