import type { RuleVerdict } from '@mqtt-cluster/history-checker';
import type { Target } from '../targets/target.ts';
import { describeUsage, judgeGrowth } from './growth.ts';
import type { Sample } from './growth.ts';

const sampleEveryMs = 15_000;
const tellEveryMs = 10 * 60_000;
/** A week of samples; then every second one goes. */
const samplesMax = 40_320;

/** Looks now and then at what the target's processes use, and tells it every ten minutes. */
export class UsageWatch {
  readonly #target: Target;
  readonly #say: (text: string) => void;
  readonly #startedAtMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #samples: Sample[] = [];
  #toldAtMs = 0;
  #verdict: RuleVerdict | null = null;

  constructor(target: Target, say: (text: string) => void) {
    this.#target = target;
    this.#say = say;
    this.#look();
    this.#timer = setInterval(() => this.#look(), sampleEveryMs);
  }

  #look(): void {
    const atMs = performance.now() - this.#startedAtMs;
    const usages = this.#target.usage();
    if (usages.length === 0) return;
    this.#samples.push({ atMs, usages });
    if (this.#samples.length > samplesMax)
      this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    if (atMs - this.#toldAtMs < tellEveryMs) return;
    this.#toldAtMs = atMs;
    this.#say(describeUsage(usages));
  }

  /** @returns what to make of it; from then on nothing is looked at. Safe to call twice. */
  end(): RuleVerdict {
    if (this.#verdict !== null) return this.#verdict;
    clearInterval(this.#timer);
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    const verdict = judgeGrowth(this.#samples);
    if (verdict.checked > 0 && first !== undefined && last !== undefined) {
      this.#say(`at the start: ${describeUsage(first.usages)}`);
      this.#say(`in the end:   ${describeUsage(last.usages)}`);
    }
    this.#verdict = verdict;
    return verdict;
  }
}
