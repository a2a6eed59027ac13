/** One finding of the checker. */
export interface Finding {
  readonly rule: string;
  /** One sentence that names client, message, topic and times. */
  readonly text: string;
}

export interface RuleVerdict {
  readonly rule: string;
  /** What was looked at, for instance acknowledged messages times matching sessions: a rule that looked at nothing proves nothing. */
  readonly checked: number;
  readonly violations: number;
  /** The first few. */
  readonly findings: readonly Finding[];
  /** The promise it holds the target to: P1 to P9. */
  readonly promise: string;
  /** The clause of MQTT, or what else says so. */
  readonly clause: string;
  /** Losses that a documented exception allows (`degraded loss`, a queue at its bound); no violations. */
  readonly excused: number;
  /** The first few of those. */
  readonly excuses: readonly Finding[];
  /** Only of rules that judge times. */
  readonly allowance?: Allowance;
}

/** How strict a rule about times was: on a busy machine it adds what others had to wait at the same moment. */
export interface Allowance {
  /** Times that were judged. */
  readonly judged: number;
  /** Those whose bound was lengthened. */
  readonly lengthened: number;
  /** Those that kept their bound only because it was lengthened. */
  readonly needed: number;
  /** The most that was added, ms. */
  readonly longestMs: number;
}

export interface Verdict {
  /** No rule was violated. What was not exercised is not proven: see `checked` of each rule. */
  readonly ok: boolean;
  readonly rules: readonly RuleVerdict[];
}
