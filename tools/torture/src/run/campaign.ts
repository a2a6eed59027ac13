import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { checkHistoryFile } from '@mqtt-cluster/history-checker';
import { describeError } from '@mqtt-cluster/kit';
import type { RuleVerdict, Verdict } from '@mqtt-cluster/history-checker';
import type { Scenario } from '../scenarios/scenarios.ts';
import type { LinkedEnd, Target } from '../targets/target.ts';
import type { ScenarioResult } from './report.ts';
import { summaryOf, inconclusiveReason } from './report.ts';
import { runScenario } from './scenario-run.ts';
import { ResourceMonitor } from './resource-monitor.ts';

const folder = '.torture';

export interface CampaignOptions {
  readonly given: Arguments;
  /** Unique name of this campaign. Its topics, client ids and folder contain the name. */
  readonly name: string;
  readonly makeTarget: (folder: string) => Target;
  readonly log: (text: string) => void;
}

/**
 * Runs the scenarios one after another. All scenarios use the same target; after a failed scenario a new
 * target starts.
 */
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
    const { given, log } = this.#options;
    mkdirSync(this.#folder, { recursive: true });
    const results: ScenarioResult[] = [];
    for (const [position, scenario] of given.scenarios.entries()) {
      const place = `${position + 1}/${given.scenarios.length}`;
      log(`${place} ${scenario.name}: ${scenario.about}`);
      const result = await this.#runOne(scenario);
      results.push(result);
      const where = result.history === null ? '' : `; history: ${result.history}`;
      log(`${place} ${scenario.name}: ${result.state} ${summaryOf(result)}`.trimEnd() + where);
    }
    const passed = results.every(({ state }) => state === 'ok' || state === 'not available');
    await this.stop(given.keep || !passed);
    return results;
  }

  async stop(keep: boolean): Promise<void> {
    const target = this.#target;
    this.#target = null;
    await target?.stop(keep);
    if (!keep) rmSync(this.#folder, { recursive: true, force: true });
  }

  async #runOne(scenario: Scenario): Promise<ScenarioResult> {
    const { given } = this.#options;
    const history = this.#historyFile(scenario);
    const empty = { scenario: scenario.name, run: null, verdict: null, history: null };
    try {
      const target = await this.#readyTarget();
      const missing = scenario.needs.filter((kind) => !target.supportedFaults.has(kind));
      if (missing.length > 0) {
        return {
          ...empty,
          state: 'not available',
          why: `${target.name} does not support ${missing.join(', ')}`,
        };
      }
      if (scenario.linked === undefined) return await this.#runAndCheck(scenario, target, history);
      const obstacle = await this.#openLink(target, scenario.linked);
      if (obstacle !== null) return { ...empty, state: 'not available', why: obstacle };
      const result = await this.#runAndCheck(scenario, target, history);
      const report = await this.#target?.closeLink?.(given.keep);
      if (report !== undefined) this.#options.log(`  ${report}`);
      return result;
    } catch (error) {
      // After an error the target may be in any state, so the next scenario gets a new target.
      await this.#target?.stop(true);
      this.#target = null;
      return { ...empty, state: 'broken', why: describeError(error) };
    }
  }

  /** @returns the reason if the target has no link, null otherwise */
  async #openLink(target: Target, kind: LinkedEnd): Promise<string | null> {
    if (target.openLink === undefined) return `${target.name} does not support links`;
    return target.openLink(kind);
  }

  async #readyTarget(): Promise<Target> {
    if (this.#target === null) {
      const { makeTarget, log } = this.#options;
      this.#targets += 1;
      const target = makeTarget(join(this.#folder, `target-${this.#targets}`));
      log(`starting ${target.name}`);
      await target.start();
      this.#target = target;
    }
    return this.#target;
  }

  async #runAndCheck(scenario: Scenario, target: Target, historyFile: string): Promise<ScenarioResult> {
    const { given, name, log } = this.#options;
    const { seed, rate, forMs, messages, keep } = given;
    const logIndented = (text: string): void => log(`  ${text}`);
    const monitor = new ResourceMonitor(target, logIndented);
    const run = await runScenario({
      scenario,
      target,
      seed,
      rate,
      forMs,
      messages,
      historyFile,
      run: `${name}-${scenario.name}`,
      log: logIndented,
      onProgress: logIndented,
    }).finally(() => monitor.end());
    const verdict = withGrowthRule(await checkHistoryFile(historyFile), monitor.end());
    if (!verdict.ok) {
      // A cluster that has lost data must not affect the next verdict.
      await target.stop(true);
      this.#target = null;
    }
    const inconclusive =
      verdict.ok && exercisesAllRules(target) ? inconclusiveReason(scenario, verdict, run.faults) : null;
    const passed = verdict.ok && inconclusive === null;
    const kept = keep || !passed || given.history !== null;
    if (!kept) rmSync(historyFile, { force: true });
    const result = { scenario: scenario.name, run, history: kept ? historyFile : null };
    if (inconclusive !== null) return { ...result, state: 'broken', verdict: null, why: inconclusive };
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

/**
 * Whether a run against the target can exercise every rule. The torture injects no faults into brokers that
 * run already, and other products may lack features.
 */
function exercisesAllRules({ supportedFaults, qosMax, sharesSubscriptions }: Target): boolean {
  return supportedFaults.size > 0 && qosMax === 2 && sharesSubscriptions;
}

/**
 * Adds the verdict of the rule `growth`, if the run was long enough for that rule. The checker can't contain
 * the rule, because the history does not contain the resources of the members.
 */
function withGrowthRule(verdict: Verdict, growth: RuleVerdict): Verdict {
  if (growth.checked === 0) return verdict;
  return { ok: verdict.ok && growth.violations === 0, rules: [...verdict.rules, growth] };
}
