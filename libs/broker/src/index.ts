export { createBroker } from './broker.ts';
export type { Broker } from './broker.ts';
export type { BrokerCounters } from './counters.ts';
export type {
  BoundAddress,
  ConnectionOrigin,
  ListenerKind,
  ListenerOptions,
  ListenerTls,
} from './listeners/options.ts';
export { defaultLimits } from './options.ts';
export type { Administration, BrokerLimits, BrokerOptions, MemoryPressure } from './options.ts';
