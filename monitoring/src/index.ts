export { findProgram, NotInstalledError } from './programs.ts';
export type { MonitoringProgram } from './programs.ts';
export { PromqlError, selectionsOf, selectorsOf, withDurations } from './promql.ts';
export type { Selection } from './promql.ts';
export { alertRules, readRuleFiles, recordingRules } from './rule-files.ts';
export type { AlertRule, RecordingRule, RuleFile } from './rule-files.ts';
export { substitute } from './interpolate-variables.ts';
