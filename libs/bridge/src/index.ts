export { createBridge } from './bridge.ts';
export type { ListeningBridge } from './bridge.ts';
export { decodeFrame, encodeFrame, encodeFrames, frameVersion } from './frame.ts';
export { createMemoryBridges } from './memory-bridges.ts';
export type { MemoryBridges, MemoryBridgeOptions } from './memory-bridges.ts';
export type { BridgeOptions, BridgePeer, BridgeTls } from './options.ts';
