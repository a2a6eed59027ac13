import { allWell, noteOf, renderResults, whatIsUnproven } from '../src/run/report.ts';
import { rules } from '@mqtt-cluster/history-checker';
import { scenarios } from '../src/scenarios/scenarios.ts';
import type { ScenarioResult } from '../src/run/report.ts';

const run = { counts: { published: 9, acked: 8, delivered: 20, connected: 3 }, faults: 2, lastedMs: 12_400 };
const fine: ScenarioResult = {
  scenario: 'calm',
  state: 'ok',
  run,
  verdict: { ok: true, rules: [] },
  why: '',
  history: null,
};
const unable: ScenarioResult = {
  ...fine,
  state: 'not available',
  run: null,
  verdict: null,
  why: "can't suffer cut",
};
const rule = { promise: 'P1', clause: '', checked: 5, findings: [], excused: 0, excuses: [] };
const bad: ScenarioResult = {
  ...fine,
  state: 'violated',
  verdict: {
    ok: false,
    rules: [
      { ...rule, rule: 'order', violations: 3 },
      { ...rule, rule: 'will', violations: 0 },
    ],
  },
};

describe('the report', () => {
  it('is well only when something ran and nothing went wrong', () => {
    expect(allWell([fine, unable])).toBe(true);
    expect(allWell([unable])).toBe(false);
    expect(allWell([fine, bad])).toBe(false);
    expect(allWell([fine, { ...unable, state: 'broken' }])).toBe(false);
  });

  it('names the rules that were violated, or why there is no verdict', () => {
    expect(noteOf(bad)).toBe('order 3');
    expect(noteOf(unable)).toBe("can't suffer cut");
  });

  it('tells what was excused, also of a run that is well', () => {
    const excused = { ...rule, rule: 'acked-but-lost', violations: 0, excused: 2 };
    expect(noteOf({ ...fine, verdict: { ok: true, rules: [excused] } })).toBe('acked-but-lost: 2 excused');
  });

  it('takes no run for a proof in which no fault happened or a rule had nothing to judge', () => {
    const [scenario] = scenarios.filter(({ name }) => name === 'wills');
    const [calm] = scenarios.filter(({ name }) => name === 'calm');
    const judged = { ...rule, rule: 'will', violations: 0 };
    const idle = { ...judged, checked: 0 };
    const tell = (which: typeof scenario, one: typeof judged, faults: number) =>
      which && whatIsUnproven(which, { ok: true, rules: [one] }, faults);
    expect(tell(scenario, judged, 1)).toBeNull();
    expect(tell(scenario, judged, 0)).toContain('no fault happened');
    expect(tell(scenario, idle, 1)).toContain('nothing to judge for will');
    expect(tell(calm, idle, 0)).toBeNull();
  });

  it('names in each scenario only rules that there are', () => {
    const names = new Set(rules.map(({ name }) => name));
    for (const { exercises } of scenarios) expect(exercises.filter((name) => !names.has(name))).toEqual([]);
  });

  it('has a line for each scenario, with columns that stand below each other', () => {
    const lines = renderResults([fine, unable, bad]).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^calm\s+ok\s+9\s+8\s+20\s+2\s+12$/);
    expect(lines[3]?.indexOf('order 3')).toBe(lines[2]?.indexOf("can't"));
  });
});
