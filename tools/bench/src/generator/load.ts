import type { LatencyHistogram } from '@mqtt-cluster/kit';
import type { Receipts } from './receipts.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** The task of one run of the generator, which its process receives as JSON. */
export interface LoadPlan {
  /** Clients are distributed over the endpoints in turn; a publisher and its subscriber are on different endpoints. */
  readonly endpoints: readonly Endpoint[];
  readonly qos: 0 | 1 | 2;
  readonly clean: boolean;
  readonly publishers: number;
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Messages a second of all publishers; 0: as fast as the window allows. */
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
  /** PUBLISH to PUBACK or PUBREC, milliseconds. */
  readonly acknowledged: Percentiles;
  /** PUBLISH to its arrival at a subscriber, milliseconds. */
  readonly endToEnd: Percentiles;
  readonly published: number;
  readonly expected: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  /** Processor time of the generator during the measurement, as a share of one core. */
  readonly generatorCpu: number;
}

export interface Measurements {
  /** The result includes latencies and deliveries only while this is true. */
  measuring: boolean;
  delivered: number;
  readonly acknowledged: LatencyHistogram;
  readonly endToEnd: LatencyHistogram;
}

/** One publisher's messages and their deliveries. */
export interface Flow {
  readonly topic: string;
  published: number;
  /** The receipts of each subscriber. */
  readonly receipts: Receipts[];
}
