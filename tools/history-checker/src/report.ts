import type { Allowance, Finding, RuleVerdict } from './verdict.ts';

/** A report keeps this many findings and only counts the others. */
const findingsMax = 10;

/** What a rule checks, for the verdict. */
export interface RuleInfo {
  readonly name: string;
  /** The promise in docs/DESIGN.md, "Promises": P1 to P9. */
  readonly promise: string;
  /** The clauses of the MQTT standard, or another source. */
  readonly clause: string;
}

/** The findings of one rule. */
export class Report {
  readonly #rule: RuleInfo;
  readonly #findings: Finding[] = [];
  readonly #excuses: Finding[] = [];
  #checked = 0;
  #violations = 0;
  #excused = 0;
  #judged = 0;
  #lengthened = 0;
  #needed = 0;
  #longestMs = 0;

  constructor(rule: RuleInfo) {
    this.#rule = rule;
  }

  checked(count = 1): void {
    this.#checked += count;
  }

  /** @param text Called only for the findings that are kept. */
  violate(text: () => string): void {
    if (this.#violations++ < findingsMax) this.#findings.push({ rule: this.#rule.name, text: text() });
  }

  excuse(text: () => string): void {
    if (this.#excused++ < findingsMax) this.#excuses.push({ rule: this.#rule.name, text: text() });
  }

  /**
   * Checks one time against its bound.
   * @param overMs how much longer than the bound it took; negative for less
   * @param allowanceMs what a busy machine may have added
   * @returns whether the time is within the bound and the allowance
   */
  inTime(overMs: number, allowanceMs: number): boolean {
    const isNeeded = overMs > 0 && overMs <= allowanceMs;
    this.#judged++;
    if (allowanceMs > 0) this.#lengthened++;
    if (isNeeded) this.#needed++;
    this.#longestMs = Math.max(this.#longestMs, allowanceMs);
    return overMs <= 0 || isNeeded;
  }

  verdict(): RuleVerdict {
    const { name, promise, clause } = this.#rule;
    const allowance: Allowance = {
      judged: this.#judged,
      lengthened: this.#lengthened,
      needed: this.#needed,
      longestMs: this.#longestMs,
    };
    return {
      rule: name,
      promise,
      clause,
      checked: this.#checked,
      violations: this.#violations,
      findings: this.#findings,
      excused: this.#excused,
      excuses: this.#excuses,
      ...(this.#judged === 0 ? {} : { allowance }),
    };
  }
}
