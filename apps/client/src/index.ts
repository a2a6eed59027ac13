export { Application } from './application.ts';
export type { ApplicationOptions, ApplicationStatus } from './application.ts';
export { LatencyHistogram } from './latency.ts';
export type { LatencySummary } from './latency.ts';
export { SequenceChecker } from './sequence-checker.ts';
export type { Finding, QosCounts, Verdict } from './sequence-checker.ts';
