export { createBridge } from './bridge.ts';
export type { ListeningBridge } from './bridge.ts';
export type { BridgeOptions, BridgePeer, BridgeTls } from './options.ts';
