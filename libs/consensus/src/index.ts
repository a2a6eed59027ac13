export { createRaft } from './raft.ts';
export * from './types.ts';
