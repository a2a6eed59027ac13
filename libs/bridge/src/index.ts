export { createBridge } from './bridge.ts';
export type { ListeningBridge } from './bridge.ts';
export { decodeFrame, encodeFrame, encodeFrames, frameVersion } from './frame/frame.ts';
export { createMemoryBridges } from './testing/memory-network.ts';
export type { MemoryBridges, MemoryBridgeOptions } from './testing/memory-network.ts';
export type { BridgeOptions, BridgePeer, BridgeTls } from './options.ts';
