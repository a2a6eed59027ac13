import type { Header, HistoryEvent } from './history/events.ts';
import type { Verdict } from './verdict.ts';
import { HistoryError } from './history/history-error.ts';
import { Book } from './tables/history-tables.ts';
import { Facts } from './analysis/analysis.ts';
import { Report } from './report.ts';
import { rules } from './rules/rules.ts';

export interface Checker {
  /** @throws {HistoryError} if the event can't follow what was before. */
  add(event: HistoryEvent): void;
  /** @throws {HistoryError} before the `end`. */
  verdict(): Verdict;
}

/** Judges one history; the rules see nothing but header and events. */
export function createChecker(header: Header): Checker {
  const book = new Book(header);
  return {
    add: (event) => book.add(event),
    verdict: () => {
      if (book.endAt === null)
        throw new HistoryError("the run did not come to its end, so it can't be judged");
      const facts = new Facts(book);
      const verdicts = rules.map((rule) => {
        const report = new Report(rule);
        rule.judge(facts, report);
        return report.verdict();
      });
      return { ok: verdicts.every(({ violations }) => violations === 0), rules: verdicts };
    },
  };
}
