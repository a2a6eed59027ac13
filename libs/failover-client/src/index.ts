export { createFailoverClient } from './failover-client.ts';
export { normalizeUrl } from './servers/address.ts';
export { rendezvousOrder } from './servers/rendezvous.ts';
export * from './errors.ts';
export * from './types.ts';
