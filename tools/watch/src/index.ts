export { readArguments } from './arguments.ts';
export type { WatchArguments } from './arguments.ts';
export { checkCounts, differences } from './check-counts.ts';
export type { CountFindings, CountPair } from './check-counts.ts';
export { alertsOfAKill, checkFailover } from './check-failover.ts';
export type { FailoverFindings } from './check-failover.ts';
export { atLabSpeed, secondsOf } from './lab-rules.ts';
export { LiveLab } from './monitored-lab.ts';
export type { ApplicationView, LiveLabOptions } from './monitored-lab.ts';
