/** One finding of a rule. */
export interface Finding {
  readonly rule: string;
  /** One sentence with the client, the message, the topic and the times. */
  readonly text: string;
}

export interface RuleVerdict {
  readonly rule: string;
  /**
   * Number of checks, for instance acknowledged messages times matching sessions. A rule with no checks proves nothing.
   */
  readonly checked: number;
  readonly violations: number;
  /** The first ten findings. */
  readonly findings: readonly Finding[];
  /** The promise in docs/DESIGN.md, "Promises", that the rule checks: P1 to P9. */
  readonly promise: string;
  /** The clauses of the MQTT standard, or another source. */
  readonly clause: string;
  /**
   * Losses that a documented exception allows (degraded acknowledgement, a queue at its bound). They are not
   * violations.
   */
  readonly excused: number;
  /** The first ten of them. */
  readonly excuses: readonly Finding[];
  /** Only for rules that check times. */
  readonly allowance?: Allowance;
}

/**
 * How strict a rule about times was. On a busy machine the rule extends a bound by the delays that the machine caused
 * at that moment.
 */
export interface Allowance {
  /** Number of times that were checked. */
  readonly judged: number;
  /** Times whose bound was extended. */
  readonly lengthened: number;
  /** Times within their bound only because it was extended. */
  readonly needed: number;
  /** The longest extension, ms. */
  readonly longestMs: number;
}

export interface Verdict {
  /** No rule was violated. `checked` of each rule shows what the history exercised. */
  readonly ok: boolean;
  readonly rules: readonly RuleVerdict[];
}
