export { createBroker } from './broker.ts';
export type { Broker } from './broker.ts';
export type { ClientEvent } from './connection/client-events.ts';
export type { ConnectionDirectory } from './connection/connection-directory.ts';
export type { ConnectionInfo } from './connection/connection-info.ts';
export type { BrokerCounters } from './counters.ts';
export type {
  BoundAddress,
  ConnectionOrigin,
  ListenerKind,
  ListenerOptions,
  ListenerTls,
} from './listeners/options.ts';
export { tracesMax } from './trace/traces.ts';
export type { PacketTrace, TracedPacket, TraceTarget } from './trace/packet-trace.ts';
export { topicFilterFault } from './codec/topic-validation.ts';
export { defaultLimits } from './options.ts';
export type { Administration, BrokerLimits, BrokerOptions, MemoryPressure } from './options.ts';
