import { describeError, UsageError } from '@mqtt-cluster/kit';
import type { Cluster } from '../cluster/cluster.ts';
import { parseFault } from '../fault-forms.ts';
import type { FaultRecord } from './lab-state.ts';

const historyMax = 100;
/** Faults that are in progress at the same time. `start` and `rolling` wait until members serve. */
const runningMax = 10;

export interface FaultRunnerOptions {
  readonly cluster: Pick<Cluster, 'fault' | 'layout'>;
  /** Called before members are killed. */
  readonly onKill: (members: readonly string[]) => void;
  /** Unix ms. */
  readonly now: () => number;
}

/** Injects the faults that a person requests in the console, and records the last 100 of them. */
export class FaultRunner {
  readonly #options: FaultRunnerOptions;
  readonly #history: FaultRecord[] = [];
  #running = 0;

  constructor(options: FaultRunnerOptions) {
    this.#options = options;
  }

  get history(): readonly FaultRecord[] {
    return this.#history;
  }

  /**
   * Injects a fault in the form of `lab fault` and of fault plans: `kill:3`, `cut:1+2/3`. Resolves when the fault is in effect.
   *
   * @throws UsageError for a text that is no fault, LabError when the fault cannot be injected in the current state
   */
  async run(text: string): Promise<void> {
    const { cluster, onKill, now } = this.#options;
    const { action, groups, value } = parseFault(text, cluster.layout.members.length);
    if (this.#running >= runningMax) {
      throw new UsageError(`${runningMax} faults are still in progress: wait until one of them is in effect`);
    }
    const names = groups.map((group) => group.map((number) => `m${number}`));
    if (action === 'kill' || action === 'wipe') onKill(names.flat());
    const atMs = now();
    this.#running += 1;
    try {
      await cluster.fault(action, names, value);
      this.#record({ atMs, text });
    } catch (error) {
      this.#record({ atMs, text, error: describeError(error) });
      throw error;
    } finally {
      this.#running -= 1;
    }
  }

  #record(fault: FaultRecord): void {
    this.#history.push(fault);
    if (this.#history.length > historyMax) this.#history.shift();
  }
}
