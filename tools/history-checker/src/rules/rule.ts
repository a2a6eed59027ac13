import type { Analysis } from '../analysis/analysis.ts';
import type { Report, RuleInfo } from '../report.ts';

/** One rule of the checker. It reads the analysis of a history and reports findings; it changes neither. */
export interface Rule extends RuleInfo {
  check(analysis: Analysis, report: Report): void;
}
