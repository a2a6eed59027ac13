import type { RuleVerdict } from '@mqtt-cluster/history-checker';
import type { Target } from '../targets/target.ts';
import { describeUsage, checkGrowth } from './growth.ts';
import type { ResourceSample } from './growth.ts';

const sampleEveryMs = 15_000;
const logEveryMs = 10 * 60_000;
/**
 * Largest number of samples, enough for a week. When there are more samples, the monitor drops every second
 * sample.
 */
const samplesMax = 40_320;

/** Samples the resources of the target's processes, and logs them every ten minutes. */
export class ResourceMonitor {
  readonly #target: Target;
  readonly #log: (text: string) => void;
  readonly #startedAtMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #samples: ResourceSample[] = [];
  #loggedAtMs = 0;
  #verdict: RuleVerdict | null = null;

  constructor(target: Target, log: (text: string) => void) {
    this.#target = target;
    this.#log = log;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), sampleEveryMs);
  }

  #sample(): void {
    const atMs = performance.now() - this.#startedAtMs;
    const usages = this.#target.usage();
    if (usages.length === 0) return;
    this.#samples.push({ atMs, usages });
    if (this.#samples.length > samplesMax)
      this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    if (atMs - this.#loggedAtMs < logEveryMs) return;
    this.#loggedAtMs = atMs;
    this.#log(describeUsage(usages));
  }

  /** Stops sampling. A second call has no effect. @returns the verdict of the rule `growth` */
  end(): RuleVerdict {
    if (this.#verdict !== null) return this.#verdict;
    clearInterval(this.#timer);
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    const verdict = checkGrowth(this.#samples);
    if (verdict.checked > 0 && first !== undefined && last !== undefined) {
      this.#log(`at the start: ${describeUsage(first.usages)}`);
      this.#log(`at the end:   ${describeUsage(last.usages)}`);
    }
    this.#verdict = verdict;
    return verdict;
  }
}
