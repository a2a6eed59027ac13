import type { Analysis } from '../analysis/analysis.ts';
import type { Report, RuleInfo } from '../report.ts';

/** One rule of the checker. It reads the analysis of a history and adds its findings to the report. */
export interface Rule extends RuleInfo {
  check(analysis: Analysis, report: Report): void;
}
