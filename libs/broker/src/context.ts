import type { ClientPort, Logger } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { AedesShell } from './aedes/aedes-adapter.ts';
import type { BrokerCounters } from './counters.ts';
import type { PublishEncoder } from './codec/encode-publish.ts';
import type { BrokerLimits, BrokerOptions } from './options.ts';

/** What all connections of a broker share. */
export interface BrokerContext {
  readonly port: ClientPort;
  readonly limits: BrokerLimits;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly counters: BrokerCounters;
  readonly encoder: PublishEncoder;
  readonly aedes: AedesShell;
  readonly options: BrokerOptions;
  /** Clients that are let in or about to be. */
  clients(): number;
}
