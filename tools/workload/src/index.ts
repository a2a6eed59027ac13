export { Recorder } from './client/recorder.ts';
export type { EventCounts } from './client/recorder.ts';
export { WorkloadError } from './errors.ts';
export { LoadGenerator } from './run/load-generator.ts';
export type { LoadTarget } from './run/load-generator.ts';
export { RecordedRun } from './run/recorded-run.ts';
export type { RecordedRunOptions, RunTarget } from './run/recorded-run.ts';
export { Witness } from './witness/witness.ts';
export type {
  Disconnect,
  LatencyFigures,
  LatencyQuery,
  WitnessMember,
  WitnessOptions,
  WitnessReport,
} from './witness/witness.ts';
export { linkFilter } from './workloads/link.ts';
export { quietTimes } from './workloads/quiet.ts';
export type { Shares, WorkloadName } from './workloads/index.ts';
