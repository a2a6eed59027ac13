import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { checkHistoryFile } from '@mqtt-cluster/history-checker';
import { messageOf } from '../errors.ts';
import type { RuleVerdict, Verdict } from '@mqtt-cluster/history-checker';
import type { Scenario } from '../scenarios/scenarios.ts';
import type { Target } from '../targets/target.ts';
import type { ScenarioResult } from './report.ts';
import { noteOf, whatIsUnproven } from './report.ts';
import { runScenario } from './scenario-run.ts';
import { UsageWatch } from './usage-watch.ts';

const folder = '.torture';

export interface CampaignOptions {
  readonly given: Arguments;
  /** Of this campaign only. */
  readonly name: string;
  readonly makeTarget: (folder: string) => Target;
  readonly say: (text: string) => void;
}

/** Runs the scenarios one after the other; the target goes on running as long as it is sound. */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #folder: string;
  #target: Target | null = null;
  #targets = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#folder = resolve(folder, options.name);
  }

  async run(): Promise<ScenarioResult[]> {
    const { given, say } = this.#options;
    mkdirSync(this.#folder, { recursive: true });
    const results: ScenarioResult[] = [];
    for (const [position, scenario] of given.scenarios.entries()) {
      const place = `${position + 1}/${given.scenarios.length}`;
      say(`${place} ${scenario.name}: ${scenario.about}`);
      const result = await this.#one(scenario);
      results.push(result);
      const where = result.history === null ? '' : `; history: ${result.history}`;
      say(`${place} ${scenario.name}: ${result.state} ${noteOf(result)}`.trimEnd() + where);
    }
    const well = results.every(({ state }) => state === 'ok' || state === 'not available');
    await this.stop(given.keep || !well);
    return results;
  }

  async stop(keep: boolean): Promise<void> {
    const target = this.#target;
    this.#target = null;
    await target?.stop(keep);
    if (!keep) rmSync(this.#folder, { recursive: true, force: true });
  }

  async #one(scenario: Scenario): Promise<ScenarioResult> {
    const history = this.#historyFile(scenario);
    const empty = { scenario: scenario.name, run: null, verdict: null, history: null };
    try {
      const target = await this.#readyTarget();
      const missing = scenario.needs.filter((kind) => !target.can.has(kind));
      if (missing.length > 0) {
        return { ...empty, state: 'not available', why: `${target.name} can't suffer ${missing.join(', ')}` };
      }
      return await this.#judged(scenario, target, history);
    } catch (error) {
      // Whatever state it is in now: the next scenario gets a new one.
      await this.#target?.stop(true);
      this.#target = null;
      return { ...empty, state: 'broken', why: messageOf(error) };
    }
  }

  async #readyTarget(): Promise<Target> {
    if (this.#target === null) {
      const { makeTarget, say } = this.#options;
      this.#targets += 1;
      const target = makeTarget(join(this.#folder, `target-${this.#targets}`));
      say(`starting ${target.name}`);
      await target.start();
      this.#target = target;
    }
    return this.#target;
  }

  async #judged(scenario: Scenario, target: Target, historyFile: string): Promise<ScenarioResult> {
    const { given, name, say } = this.#options;
    const { seed, rate, forMs, messages, keep } = given;
    const tell = (text: string): void => say(`  ${text}`);
    const watch = new UsageWatch(target, tell);
    const run = await runScenario({
      scenario,
      target,
      seed,
      rate,
      forMs,
      messages,
      historyFile,
      run: `${name}-${scenario.name}`,
      say: tell,
      onProgress: tell,
    }).finally(() => watch.end());
    const verdict = withGrowth(await checkHistoryFile(historyFile), watch.end());
    if (!verdict.ok) {
      // A member that has lost something once must not spoil the next verdict.
      await target.stop(true);
      this.#target = null;
    }
    const unproven = verdict.ok && suffers(target) ? whatIsUnproven(scenario, verdict, run.faults) : null;
    const well = verdict.ok && unproven === null;
    const kept = keep || !well || given.history !== null;
    if (!kept) rmSync(historyFile, { force: true });
    const result = { scenario: scenario.name, run, history: kept ? historyFile : null };
    if (unproven !== null) return { ...result, state: 'broken', verdict: null, why: unproven };
    return { ...result, state: verdict.ok ? 'ok' : 'violated', verdict, why: '' };
  }

  #historyFile({ name }: Scenario): string {
    const { given } = this.#options;
    if (given.history === null) return join(this.#folder, `${name}.jsonl`);
    const path = resolve(given.history);
    if (given.scenarios.length === 1) return path;
    const [, stem = path, end = ''] = /^(.*?)((?:\.[a-z]+)*)$/i.exec(path) ?? [];
    return `${stem}-${name}${end}`;
  }
}

/** Whether it takes part in everything: brokers that run already suffer no faults and may speak less. */
function suffers({ can, qosMax, sharesSubscriptions }: Target): boolean {
  return can.size > 0 && qosMax === 2 && sharesSubscriptions;
}

/** What a history can't tell: a run that is long enough to see it has a rule more. */
function withGrowth(verdict: Verdict, growth: RuleVerdict): Verdict {
  if (growth.checked === 0) return verdict;
  return { ok: verdict.ok && growth.violations === 0, rules: [...verdict.rules, growth] };
}
