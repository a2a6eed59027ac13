/** A process gets too little processor time if it waits for a processor for a larger part of a sample than this. */
const waitShareMax = 0.6;
/** A timer of this process that is later than this shows that this process got too little time, or blocked itself. */
const lateMsMax = 500;
const thisProcess = 'this process';

interface Sample {
  readonly fromMs: number;
  readonly toMs: number;
  /** Processes that got too little processor time. */
  readonly starved: ReadonlySet<string>;
}

export interface MachineLoadOptions {
  /** Returns the process ids of the members that run, by member id. */
  readonly pids: () => Iterable<readonly [string, number]>;
  /** Planned time between two calls of `sample`, ms. */
  readonly intervalMs: number;
  /** Returns how long a process has waited for a processor since its start, ms; null without a value. */
  readonly waitedMs: (pid: number) => number | null;
  readonly nowMs?: () => number;
}

/**
 * Records when the machine gave the members or this process too little processor time. Elections and lost connections
 * at such a time are no fault of the member. A member that hangs while a processor is free does not count as starved.
 */
export class MachineLoad {
  readonly #options: MachineLoadOptions;
  readonly #nowMs: () => number;
  readonly #samples: Sample[] = [];
  readonly #last = new Map<string, number>();
  #lastMs: number;
  #lateMs = 0;

  constructor(options: MachineLoadOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#lastMs = this.#nowMs();
  }

  /** Records the time since the last call. */
  sample(): void {
    const fromMs = this.#lastMs;
    const toMs = this.#nowMs();
    const tookMs = toMs - fromMs;
    const starved = new Set<string>();
    const lateMs = Math.max(0, tookMs - this.#options.intervalMs);
    this.#lateMs += lateMs;
    if (lateMs > lateMsMax) starved.add(thisProcess);
    for (const [id, pid] of [...this.#options.pids(), [thisProcess, process.pid] as const]) {
      const waitedMs = this.#options.waitedMs(pid);
      if (waitedMs === null) continue;
      const before = this.#last.get(id);
      this.#last.set(id, waitedMs);
      if (before !== undefined && waitedMs - before > tookMs * waitShareMax) starved.add(id);
    }
    this.#samples.push({ fromMs, toMs, starved });
    this.#lastMs = toMs;
  }

  /**
   * Returns the time for which the silence of a member is excused: the member waited for a processor, or this process was late
   * to read its answer. In ms since the start, as of the last sample.
   */
  excusedMs(id: string): number {
    return (this.#last.get(id) ?? 0) + this.#lateMs;
  }

  /**
   * Returns whether a process got too little processor time in this interval.
   *
   * @param ids members that matter; all by default. This process always matters.
   */
  isStarved(fromMs: number, toMs: number, ids?: readonly string[]): boolean {
    return this.#samples.some(
      (sample) => sample.toMs >= fromMs && sample.fromMs <= toMs && matters(sample, ids),
    );
  }

  /** Returns the part of the recorded time in which no process was starved: 0 to 1; 1 before the first sample. */
  judgedShare(): number {
    const lengthOf = (samples: readonly Sample[]): number =>
      samples.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
    const all = lengthOf(this.#samples);
    return all === 0 ? 1 : lengthOf(this.#samples.filter((sample) => !matters(sample))) / all;
  }
}

function matters({ starved }: Sample, ids?: readonly string[]): boolean {
  if (ids === undefined || starved.has(thisProcess)) return starved.size > 0;
  return ids.some((id) => starved.has(id));
}
