export { createFailoverClient } from './failover-client.ts';
export { normalizeUrl } from './address.ts';
export { rendezvousOrder } from './rendezvous.ts';
export * from './errors.ts';
export * from './types.ts';
