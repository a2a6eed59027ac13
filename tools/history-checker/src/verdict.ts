/** A violation of a rule, or a loss that a documented exception allows. */
export interface Finding {
  readonly rule: string;
  /** One sentence with the client, the message, the topic and the times. */
  readonly text: string;
}

/** The result of one rule. */
export interface RuleVerdict {
  readonly rule: string;
  /**
   * Number of checks, for instance acknowledged messages times matching sessions. A rule without a check is
   * no evidence that its promise was kept.
   */
  readonly checked: number;
  /** Number of checks of each part of the rule; absent for a rule without parts. */
  readonly parts?: Readonly<Record<string, number>>;
  readonly violations: number;
  /** The first ten violations. */
  readonly findings: readonly Finding[];
  /** The promise in docs/DESIGN.md, "Promises", that the rule checks: P1 to P9. */
  readonly promise: string;
  /** The clauses of the MQTT standard, or another source. */
  readonly clause: string;
  /**
   * Number of exceptions: losses that a documented exception allows (degraded acknowledgement, a queue at its
   * bound). Exceptions are not violations.
   */
  readonly excused: number;
  /** The first ten exceptions. */
  readonly excuses: readonly Finding[];
  /** Extensions of the rule's time bounds; absent for rules that check no times. */
  readonly allowance?: Allowance;
}

/**
 * The extensions of a rule's time bounds. On a busy machine the rule extends each bound by the delays that
 * the machine caused at that time.
 */
export interface Allowance {
  /** Number of durations that were checked. */
  readonly judged: number;
  /** Number of durations whose bound was extended. */
  readonly lengthened: number;
  /** Number of durations that were within their bound only because the bound was extended. */
  readonly needed: number;
  /** The longest extension, ms. */
  readonly longestMs: number;
}

/** The results of all rules for one history. */
export interface Verdict {
  /**
   * Whether no rule was violated. The field `checked` of each rule shows which rules the history exercised.
   */
  readonly ok: boolean;
  readonly rules: readonly RuleVerdict[];
}
