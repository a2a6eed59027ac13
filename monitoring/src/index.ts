export { findProgram, NotInstalledError } from './programs.ts';
export type { MonitoringProgram } from './programs.ts';
export { PromqlError, vectorSelectors, selectorTexts, replaceDurations } from './promql.ts';
export type { VectorSelector } from './promql.ts';
export { alertRules, readRuleFiles, recordingRules } from './rule-files.ts';
export type { AlertRule, RecordingRule, RuleFile } from './rule-files.ts';
export { interpolateVariables } from './interpolate-variables.ts';
