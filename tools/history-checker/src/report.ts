import type { Allowance, Finding, RuleVerdict } from './verdict.ts';

/** Number of findings whose texts a report keeps. The report only counts further findings. */
const findingsMax = 10;

/** The name of a rule, and the promise and clauses that the rule checks. */
export interface RuleInfo {
  readonly name: string;
  /** The promise in docs/DESIGN.md, "Promises": P1 to P9. */
  readonly promise: string;
  /** The clauses of the MQTT standard, or another source. */
  readonly clause: string;
  /** Names of the kinds of things that the rule judges, if it counts its checks of each kind. */
  readonly parts?: readonly string[];
}

/** Collects the findings of one rule. */
export class Report {
  readonly #rule: RuleInfo;
  readonly #findings: Finding[] = [];
  readonly #exceptions: Finding[] = [];
  #checked = 0;
  readonly #parts: Map<string, number>;
  #violations = 0;
  #exceptionCount = 0;
  #judged = 0;
  #lengthened = 0;
  #needed = 0;
  #longestMs = 0;

  constructor(rule: RuleInfo) {
    this.#rule = rule;
    this.#parts = new Map(rule.parts?.map((part) => [part, 0]));
  }

  /**
   * Increases the number of checks by `count`.
   *
   * @param part the kind of the thing, for a rule with `parts`
   */
  checked(count = 1, part?: string): void {
    this.#checked += count;
    if (part !== undefined) this.#parts.set(part, (this.#parts.get(part) ?? 0) + count);
  }

  /** @param text returns the text of the finding; it is called only for findings that the report keeps */
  addViolation(text: () => string): void {
    if (this.#violations++ < findingsMax) this.#findings.push({ rule: this.#rule.name, text: text() });
  }

  /** Adds a finding that a documented exception allows. */
  addException(text: () => string): void {
    if (this.#exceptionCount++ < findingsMax) {
      this.#exceptions.push({ rule: this.#rule.name, text: text() });
    }
  }

  /**
   * Checks one duration against its bound.
   * @param overMs the duration minus its bound, ms
   * @param allowanceMs the delay that a busy machine may have added, ms
   * @returns whether the duration is within the bound plus the allowance
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
      ...(this.#parts.size === 0 ? {} : { parts: Object.fromEntries(this.#parts) }),
      violations: this.#violations,
      findings: this.#findings,
      excused: this.#exceptionCount,
      excuses: this.#exceptions,
      ...(this.#judged === 0 ? {} : { allowance }),
    };
  }
}
