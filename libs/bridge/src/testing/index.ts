export { createMemoryNetwork } from './memory-network.ts';
export type { MemoryBridgeOptions, MemoryNetwork } from './memory-network.ts';
export { decodeFrame } from '../frame/frame.ts';
