import { allPassed, summaryOf, renderResults, inconclusiveReason } from '../src/run/report.ts';
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
  why: 'does not support cut',
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

describe('report of a campaign', () => {
  it('allPassed returns true only when at least one scenario passed and no scenario failed', () => {
    expect(allPassed([fine, unable])).toBe(true);
    expect(allPassed([unable])).toBe(false);
    expect(allPassed([fine, bad])).toBe(false);
    expect(allPassed([fine, { ...unable, state: 'broken' }])).toBe(false);
  });

  it('summaryOf returns each violated rule with its number of violations, or the reason why there is no verdict', () => {
    expect(summaryOf(bad)).toBe('order 3');
    expect(summaryOf(unable)).toBe('does not support cut');
  });

  it('summaryOf returns the number of exceptions of a run without violations', () => {
    const withExceptions = { ...rule, rule: 'acked-but-lost', violations: 0, excused: 2 };
    expect(summaryOf({ ...fine, verdict: { ok: true, rules: [withExceptions] } })).toBe(
      'acked-but-lost: 2 exceptions',
    );
  });

  it('inconclusiveReason returns a reason if no fault happened or a required rule had nothing to check', () => {
    const [scenario] = scenarios.filter(({ name }) => name === 'wills');
    const [calm] = scenarios.filter(({ name }) => name === 'calm');
    const judged = { ...rule, rule: 'will', violations: 0 };
    const idle = { ...judged, checked: 0 };
    const reason = (which: typeof scenario, one: typeof judged, faults: number) =>
      which && inconclusiveReason(which, { ok: true, rules: [one] }, faults);
    expect(reason(scenario, judged, 1)).toBeNull();
    expect(reason(scenario, judged, 0)).toContain('no fault happened');
    expect(reason(scenario, idle, 1)).toContain('nothing to check for will');
    expect(reason(calm, idle, 0)).toBeNull();
  });

  it.each(['wills', 'sessions', 'messages'])(
    'a run of quiet-stop that has judged no %s is inconclusive',
    (part) => {
      const [quietStop] = scenarios.filter(({ name }) => name === 'quiet-stop');
      const parts = { wills: 2, sessions: 2, messages: 4 };
      const judged = { ...rule, rule: 'cluster-time', violations: 0, checked: 8, parts };
      const reason = (each: typeof judged) =>
        quietStop && inconclusiveReason(quietStop, { ok: true, rules: [each] }, 1);
      expect(reason(judged)).toBeNull();
      expect(reason({ ...judged, parts: { ...parts, [part]: 0 } })).toBe(
        `inconclusive: nothing to check for cluster-time: ${part}`,
      );
    },
  );

  it('every scenario requires only rules that exist', () => {
    const names = new Set(
      rules.flatMap(({ name, parts = [] }) => [name, ...parts.map((part) => `${name}: ${part}`)]),
    );
    for (const { exercises } of scenarios) expect(exercises.filter((name) => !names.has(name))).toEqual([]);
  });

  it('renderResults returns one line for each scenario, with aligned columns', () => {
    const lines = renderResults([fine, unable, bad]).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^calm\s+ok\s+9\s+8\s+20\s+2\s+12$/);
    expect(lines[3]?.indexOf('order 3')).toBe(lines[2]?.indexOf('does not'));
  });
});
