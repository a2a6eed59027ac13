import type { ClientPort, Logger } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { AedesAdapter } from './aedes/aedes-adapter.ts';
import type { ByteReader } from './codec/byte-reader.ts';
import type { PublishEncoder } from './codec/encode-publish.ts';
import type { OversizedPacketLog } from './connection/oversized-packet-log.ts';
import type { RefusalLog } from './connection/refusal-log.ts';
import type { BrokerCounters } from './counters.ts';
import type { PacedStarts } from './flow-control/paced-starts.ts';
import type { ClientLimits } from './limits/client-limits.ts';
import type { BrokerLimits, BrokerOptions } from './options.ts';
import type { Traces } from './trace/traces.ts';

/** State that all connections of a broker share. */
export interface BrokerContext {
  readonly port: ClientPort;
  readonly limits: BrokerLimits;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly counters: BrokerCounters;
  readonly encoder: PublishEncoder;
  /** Reads one packet after the other. All connections share it, because no packet is read while another one is. */
  readonly reader: ByteReader;
  readonly aedes: AedesAdapter;
  readonly options: BrokerOptions;
  readonly oversizedPackets: OversizedPacketLog;
  readonly clientLimits: ClientLimits;
  /** Starts the connect sequences of clients. */
  readonly connects: PacedStarts;
  /** Accepts the clients whose sessions the member has opened. */
  readonly acceptances: PacedStarts;
  readonly refusals: RefusalLog;
  readonly traces: Traces;
}
