export { readArguments } from './arguments.ts';
export type { WatchArguments } from './arguments.ts';
