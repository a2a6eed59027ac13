import type { GainCounter } from '../attacker/gain.ts';
import type { Progress, Target } from '../attacker/protocol.ts';

/** What the process of an attacker works with. */
export interface Attacker {
  readonly target: Target;
  readonly gain: GainCounter;
  /** Ends the attack. The bench kills the process instead. */
  readonly signal: AbortSignal;
  /** Announces a state of the attack; see {@link Progress}. */
  readonly report: (state: Progress['state']) => void;
}

/** One row of the list. Its function runs in processes of its own, and continues until the bench kills them. */
export interface Attack {
  readonly name: string;
  /** What the attacker does, for the table. */
  readonly title: string;
  /** True: the row measures the machine without an attack. No verdict applies to it. */
  readonly isControl?: boolean;
  /** Number of processes; 1 by default. */
  readonly parts?: number;
  /** What happens to the spare member at the start of the attack. */
  readonly incident?: 'restart' | 'kill';
  /** True: the clients connect before the measurement of the time before the incident. */
  readonly connectsFirst?: boolean;
  /** True: the bench waits for `done` of all processes, and the verdict requires it. */
  readonly hasEnd?: boolean;
  readonly run: (attacker: Attacker) => Promise<void>;
}
