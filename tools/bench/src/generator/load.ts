import type { Latencies } from './latencies.ts';
import type { Receipts } from './receipts.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What one run of the generator is to do; goes to its process as JSON. */
export interface LoadPlan {
  /** Publishers and subscribers take turns with them; a pair is on two of them when there are two. */
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
  /** Messages of one publisher that may be without an acknowledgement. */
  readonly window: number;
  /** Messages of one publisher that may be undelivered, so that no broker's queue is ever at its bound. */
  readonly undeliveredMax: number;
  /** Makes client ids and topics of this run its own. */
  readonly label: string;
}

export interface Percentiles {
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface LoadResult {
  /** Deliveries a second while measuring. */
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
  /** Processor seconds of the generator while measuring, per second. */
  readonly generatorCpu: number;
}

export interface Measurements {
  /** Only while true are latencies and deliveries counted into the result. */
  measuring: boolean;
  delivered: number;
  readonly acknowledged: Latencies;
  readonly endToEnd: Latencies;
}

/** One publisher's messages and their deliveries. */
export interface Flow {
  readonly topic: string;
  published: number;
  /** Of each of its subscribers. */
  readonly receipts: Receipts[];
}
