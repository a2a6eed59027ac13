export { readArguments } from './arguments.ts';
export type { WatchArguments } from './arguments.ts';
export { countMismatches, measureCounts } from './check-counts.ts';
export type { CountFindings, CountPair } from './check-counts.ts';
export { alertsAfterKill, checkFailover } from './check-failover.ts';
export type { FailoverFindings } from './check-failover.ts';
export { shortenDurations, durationSeconds } from './lab-rules.ts';
export { MonitoredLab } from './monitored-lab.ts';
export type { ApplicationStatus, MonitoredLabOptions } from './monitored-lab.ts';
