import type { ClientPort, Logger } from '@mqtt-cluster/contracts';
import type { AedesShell } from './aedes/aedes-shell.ts';
import type { PublishEncoder } from './guard/encode.ts';
import type { BrokerLimits, BrokerOptions } from './options.ts';

/** Since the start. */
export interface BrokerCounters {
  connectionsAccepted: number;
  connectionsRefused: number;
  bytesReceived: number;
  bytesSent: number;
  /** PUBLISH packets. */
  messagesReceived: number;
  messagesSent: number;
  /** Deliveries larger than the client's Maximum Packet Size. */
  deliveriesTooLarge: number;
  /** Connections ended for breaking the protocol. */
  protocolErrors: number;
  slowConsumers: number;
}

export function newCounters(): BrokerCounters {
  return {
    connectionsAccepted: 0,
    connectionsRefused: 0,
    bytesReceived: 0,
    bytesSent: 0,
    messagesReceived: 0,
    messagesSent: 0,
    deliveriesTooLarge: 0,
    protocolErrors: 0,
    slowConsumers: 0,
  };
}

/** What all connections of a broker share. */
export interface BrokerContext {
  readonly port: ClientPort;
  readonly limits: BrokerLimits;
  readonly logger: Logger;
  readonly counters: BrokerCounters;
  readonly encoder: PublishEncoder;
  readonly aedes: AedesShell;
  readonly options: BrokerOptions;
  /** Clients that are let in or about to be. */
  clients(): number;
}
