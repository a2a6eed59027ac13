import type { Finding, RuleVerdict } from '../history/events.ts';
import type { Facts } from './facts.ts';

/** As many findings of a rule are kept; the others are counted. */
const findingsMax = 10;

export interface Rule {
  readonly name: string;
  /** P1 to P7 of the design. */
  readonly promise: string;
  /** The clause of MQTT, or what else says so. */
  readonly clause: string;
  judge(facts: Facts, report: Report): void;
}

/** What one rule found. */
export class Report {
  readonly #rule: Rule;
  readonly #findings: Finding[] = [];
  readonly #excuses: Finding[] = [];
  #checked = 0;
  #violations = 0;
  #excused = 0;

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  checked(count = 1): void {
    this.#checked += count;
  }

  /** @param text Worked out only for the findings that are kept. */
  violate(text: () => string): void {
    if (this.#violations++ < findingsMax) this.#findings.push({ rule: this.#rule.name, text: text() });
  }

  excuse(text: () => string): void {
    if (this.#excused++ < findingsMax) this.#excuses.push({ rule: this.#rule.name, text: text() });
  }

  verdict(): RuleVerdict {
    const { name, promise, clause } = this.#rule;
    return {
      rule: name,
      promise,
      clause,
      checked: this.#checked,
      violations: this.#violations,
      findings: this.#findings,
      excused: this.#excused,
      excuses: this.#excuses,
    };
  }
}
