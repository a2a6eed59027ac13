import type { Processes } from '../processes.ts';
import type { RunningTarget } from '../targets/target.ts';

/** One number that a row measures. */
interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Whether a smaller value is better. */
  readonly isLessBetter: boolean;
}

/** The sizes of the rows. `BenchArguments` has them. */
interface RowSizes {
  readonly clients: number;
  readonly messages: number;
  /** Bytes of a payload. */
  readonly size: number;
  readonly seconds: number;
  readonly seed: number;
}

/** A broker that the rows measure. */
export interface Subject {
  readonly name: string;
  /** Starts the broker with persistence. A second call with the same directory opens the stored data. */
  start(directory: string): Promise<RunningTarget>;
}

export interface RowContext {
  readonly processes: Processes;
  readonly subject: Subject;
  /** An empty directory. */
  readonly directory: string;
  readonly given: RowSizes;
}

/** One kind of load that a site has, and what it costs. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** True if the row needs a cluster, so that a single broker cannot be measured. */
  readonly needsOtherMembers?: true;
  /**
   * Starts the subject, and measures it.
   * @returns one value for each figure
   * @throws Error when a client fails or a message is lost
   */
  measure(context: RowContext): Promise<readonly number[]>;
}
