import type { LatencyHistogram, ServerAccess } from '@mqtt-cluster/kit';
import type { Receipts } from './receipts.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Absent: the broker has no TLS. */
  readonly access?: ServerAccess;
  /** Address from which the client connects. Absent: the system selects it. */
  readonly from?: string;
}

/** The task of one run of the generator, which its process receives as JSON. */
export interface LoadPlan {
  /**
   * Addresses of the brokers. Clients are distributed over them in turn; a publisher and its subscriber use different
   * endpoints.
   */
  readonly endpoints: readonly Endpoint[];
  readonly qos: 0 | 1 | 2;
  /** Clean Session flag of all clients. */
  readonly clean: boolean;
  readonly publishers: number;
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Messages a second of all publishers together; 0: as many as the window allows. */
  readonly rate: number;
  /** Limit of unacknowledged messages of one publisher. */
  readonly window: number;
  /** Limit of undelivered messages of one publisher, so that no broker's queue reaches its bound. */
  readonly undeliveredMax: number;
  /** Part of all client ids and topics, to distinguish this run from others. */
  readonly label: string;
}

export interface Percentiles {
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface LoadResult {
  /** Deliveries a second during the measurement. */
  readonly deliveredPerSecond: number;
  /** Time from PUBLISH to PUBACK or PUBREC, milliseconds. */
  readonly acknowledged: Percentiles;
  /** Time from PUBLISH to the arrival of the message at a subscriber, milliseconds. */
  readonly endToEnd: Percentiles;
  readonly published: number;
  /** Number of deliveries without losses and duplicates. */
  readonly expected: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** Processor time of the generator during the measurement, as a share of one core. */
  readonly generatorCpu: number;
}

export interface Measurements {
  /** True during the measurement. Latencies and deliveries at other times are not recorded. */
  measuring: boolean;
  delivered: number;
  readonly acknowledged: LatencyHistogram;
  readonly endToEnd: LatencyHistogram;
}

/** The messages of one publisher and their deliveries. */
export interface Flow {
  readonly topic: string;
  published: number;
  /** The message numbers that each subscriber of the topic has received. */
  readonly receipts: Receipts[];
}
