export { createPublisher } from './publisher.ts';
export { parseGroupState } from './group-state.ts';
export type { GroupState } from './group-state.ts';
export { parseTelemetry, waveValue } from './telemetry.ts';
export * from './types.ts';
