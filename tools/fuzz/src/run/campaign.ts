import { seededRandom } from '@mqtt-cluster/kit';
import { Fault } from '../target.ts';
import type { Target } from '../target.ts';

/** Longest time of one case. A case that takes longer shows that the attacked code hangs. */
const caseMsMax = 60_000;

export interface CampaignOptions {
  readonly targets: readonly Target[];
  readonly seed: number;
  /** Time after the call of `run` after which no new case starts, ms. */
  readonly forMs: number;
  /** Number of the first case of each target, from 0 on. */
  readonly firstCase?: number;
  /** Cases of each target; unlimited by default. */
  readonly cases?: number;
  /** Called before each case. */
  readonly onCase?: (target: string, number: number) => void;
  /** Called at the fault of a target. */
  readonly onFault?: (fault: CaseFault) => void;
}

export interface CaseFault {
  readonly target: string;
  readonly seed: number;
  /** With the same seed and number, the case has the same input. */
  readonly number: number;
  readonly error: Fault;
}

export interface CampaignReport {
  /** Cases by the name of the target. */
  readonly cases: ReadonlyMap<string, number>;
  readonly faults: readonly CaseFault[];
}

/** Returns the options that repeat a case. */
export function repetitionOf({ target, seed, number }: Omit<CaseFault, 'error'>): string {
  return `repeat with --seed ${seed} --only ${target} --case ${number}`;
}

/** Runs the cases of all targets side by side until the time has passed. A target ends at its first fault. */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #cases = new Map<string, number>();
  readonly #faults: CaseFault[] = [];
  #stopped = false;

  constructor(options: CampaignOptions) {
    this.#options = options;
    for (const { name } of options.targets) this.#cases.set(name, 0);
  }

  get report(): CampaignReport {
    return { cases: this.#cases, faults: this.#faults };
  }

  /** Starts no further case. `run` returns when the running cases have ended. */
  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<CampaignReport> {
    const untilMs = performance.now() + this.#options.forMs;
    await Promise.all(this.#options.targets.map((target) => this.#attack(target, untilMs)));
    return this.report;
  }

  async #attack(target: Target, untilMs: number): Promise<void> {
    const { seed, firstCase = 0, cases = Infinity, onCase, onFault } = this.#options;
    let next = firstCase;
    let failed = false;
    const lane = async (): Promise<void> => {
      while (!failed && !this.#stopped && performance.now() < untilMs && next < firstCase + cases) {
        const number = next++;
        onCase?.(target.name, number);
        const error = await faultOf(target, seededRandom(seed, `${target.name}/${number}`));
        this.#cases.set(target.name, (this.#cases.get(target.name) ?? 0) + 1);
        if (error === null) continue;
        failed = true;
        const fault = { target: target.name, seed, number, error };
        this.#faults.push(fault);
        onFault?.(fault);
      }
    };
    await Promise.all(Array.from({ length: target.parallel }, lane));
  }
}

async function faultOf(target: Target, random: () => number): Promise<Fault | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Fault>((resolve) => {
    timer = setTimeout(() => resolve(new Fault(`${target.name}: the case hangs`)), caseMsMax);
  });
  try {
    return await Promise.race([target.run(random).then(() => null), timeout]);
  } catch (error) {
    // An error of the fuzzer itself must not look like a passed case.
    return error instanceof Fault
      ? error
      : new Fault(`${target.name}: ${String(error)}`, null, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
