import type { Header, HistoryEvent } from './history/events.ts';
import type { Verdict } from './verdict.ts';
import { HistoryError } from './history/history-error.ts';
import { HistoryTables } from './tables/history-tables.ts';
import { Analysis } from './analysis/analysis.ts';
import { Report } from './report.ts';
import { rules } from './rules/rules.ts';

export interface Checker {
  /** Adds the next event. @throws {HistoryError} when the event contradicts the events before it */
  add(event: HistoryEvent): void;
  /** Applies all rules. @throws {HistoryError} when the event `end` has not been added */
  verdict(): Verdict;
}

/** Checks one history. The rules read only its header and events. */
export function createChecker(header: Header): Checker {
  const tables = new HistoryTables(header);
  return {
    add: (event) => tables.add(event),
    verdict: () => {
      if (tables.endAt === null)
        throw new HistoryError("the run did not reach its end, so its history can't be checked");
      const analysis = new Analysis(tables);
      const verdicts = rules.map((rule) => {
        const report = new Report(rule);
        rule.check(analysis, report);
        return report.verdict();
      });
      return { ok: verdicts.every(({ violations }) => violations === 0), rules: verdicts };
    },
  };
}
