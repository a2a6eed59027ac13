export { createBroker } from './broker.ts';
export type { Broker } from './broker.ts';
export type { BrokerCounters } from './counters.ts';
export type { BoundAddress } from './listeners.ts';
export { defaultLimits } from './options.ts';
export type { Administration, BrokerLimits, BrokerOptions, Credentials, ListenerOptions } from './options.ts';
