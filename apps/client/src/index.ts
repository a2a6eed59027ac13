export { Application } from './application.ts';
export type { ApplicationOptions, ApplicationStatus } from './application.ts';
export { LatencyHistogram } from './latency-histogram.ts';
export type { LatencySummary } from './latency-histogram.ts';
export { SequenceChecker } from './sequence-checker.ts';
export type { Finding, QosCounts, Verdict } from './sequence-checker.ts';
