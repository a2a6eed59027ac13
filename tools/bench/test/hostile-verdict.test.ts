import { isHarmless, renderHostile } from '../src/hostile/hostile-report.ts';
import { controlP99Of, faultsOf } from '../src/hostile/verdict.ts';
import type { AttackResult } from '../src/hostile/verdict.ts';
import { machine } from './support/machine.ts';

const calm = { count: 100, p50Ms: 2, p99Ms: 25 };
const gibibyte = 2 ** 30;
const harmless: AttackResult = {
  name: 'large-wills',
  title: 'wills',
  attacked: 'm1',
  other: 'm2',
  onAttacked: { before: calm, during: { ...calm, p99Ms: 50 } },
  onOther: { before: calm, during: { ...calm, p99Ms: 50 } },
  term: { before: 2, after: 2 },
  lost: 0,
  acknowledged: 300,
  disconnects: 0,
  newcomers: { tried: 10, passed: 9 },
  pages: { tried: 10, passed: 9 },
  memory: [{ id: 'm1', warmBytes: 1, peakBytes: gibibyte, endBytes: 1 }],
  ceilingBytes: gibibyte,
  gain: { 'wills accepted': 3 },
  incident: null,
  ended: [],
};
const during = (p99Ms: number, count = 100) => ({ before: calm, during: { count, p50Ms: 2, p99Ms } });

test('an attack at all bounds of the verdict has no fault', () => {
  expect(faultsOf(harmless)).toEqual([]);
});

test.each([
  ['a small one', 3, 6],
  ['one above the bound of the attacked member', 40, 80],
])('the p99 of another member may be twice the value before: %s', (_value, beforeMs, boundMs) => {
  const before = { count: 100, p50Ms: 2, p99Ms: beforeMs };
  const onOther = (p99Ms: number) => ({ before, during: { ...before, p99Ms } });
  expect(faultsOf({ ...harmless, onOther: onOther(boundMs) })).toEqual([]);
  expect(faultsOf({ ...harmless, onOther: onOther(boundMs + 1) })).toEqual([
    `p99 on m2: ${boundMs + 1} ms, above ${boundMs} ms`,
  ]);
});

test('the p99 of another member may be the largest one of the controls', () => {
  const control = { ...harmless, isControl: true, onAttacked: during(60), onOther: during(70) };
  const controlP99Ms = controlP99Of([control, { ...harmless, onOther: during(90) }]);
  expect(controlP99Ms).toBe(70);
  const of = (p99Ms: number) => faultsOf({ ...harmless, controlP99Ms: 70, onOther: during(p99Ms) });
  expect(of(70)).toEqual([]);
  expect(of(71)).toEqual(['p99 on m2: 71 ms, above 70 ms']);
  expect(controlP99Of([harmless])).toBeUndefined();
});

const restart = { kind: 'restart', member: 'm3' } as const;
const broken: [string, Partial<AttackResult>, string][] = [
  ['p99 on the attacked member', { onAttacked: during(51) }, 'p99 on m1 (attacked): 51 ms, above 50 ms'],
  ['p99 on another member', { onOther: during(51) }, 'p99 on m2: 51 ms, above 50 ms'],
  [
    'delivery on the attacked member',
    { onAttacked: during(Infinity) },
    'p99 on m1 (attacked): messages did not arrive, above 50 ms',
  ],
  ['measured messages', { onOther: during(0, 0) }, 'p99 on m2: no message was measured'],
  ['elections', { term: { before: 2, after: 4 } }, 'elections: term 2 before, 4 after'],
  ['lost messages', { lost: 1 }, '1 acknowledged messages were lost'],
  ['acknowledgements', { acknowledged: 0 }, 'no message of the witness was acknowledged'],
  ['newcomers', { newcomers: { tried: 10, passed: 8 } }, 'only 8 of 10 newcomers got in'],
  ['newcomers that were tried', { newcomers: { tried: 0, passed: 0 } }, 'only 0 of 0 newcomers got in'],
  ['health checks', { pages: { tried: 10, passed: 8 } }, 'only 8 of 10 health checks were answered'],
  ['memory', { ceilingBytes: gibibyte / 2 }, 'm1 used 1024 MiB, above 512 MiB'],
  [
    'a restart without an end',
    { incident: { ...restart, backMs: null } },
    'm3 did not serve again within 20 s',
  ],
  ['a slow restart', { incident: { ...restart, backMs: 20_001 } }, 'm3 did not serve again within 20 s'],
  ['a crowd that does not come back', { doneMs: null }, 'not all clients of the crowd came back'],
  ['a member that ended', { ended: ['m1: its process ended'] }, 'm1: its process ended'],
  ['an attacker without any effect', { gain: {} }, 'the attacker did nothing'],
];

test.each(broken)('the verdict contains exactly one fault for %s', (_rule, change, fault) => {
  expect(faultsOf({ ...harmless, ...change })).toEqual([fault]);
});

test('a member that the attack itself kills and a restart in time are no faults', () => {
  expect(
    faultsOf({ ...harmless, incident: { kind: 'kill', member: 'm3', backMs: null }, doneMs: 4_000 }),
  ).toEqual([]);
  expect(faultsOf({ ...harmless, incident: { ...restart, backMs: 20_000 } })).toEqual([]);
});

describe('the report', () => {
  const run = { members: 3, forMs: 15_000, openFilesMax: 20_000, failures: [], seconds: 60 };

  it('contains the computed verdict of each attack', () => {
    const results = [harmless, { ...harmless, name: 'sessions', lost: 2 }];
    const text = renderHostile({ ...run, results }, machine, 'npm run bench -- hostile', '2026-11-29');
    expect(text).toMatch(/^\| large-wills \|.*\| ok \|$/m);
    expect(text).toMatch(/^\| sessions \|.*\| FAULT 2 acknowledged messages were lost \|$/m);
    expect(text).toContain('m1: 0 1024 0');
    expect(text).toContain('commit 0123abcd');
  });

  it('shows a row without an attack, whose figures no rule judges', () => {
    const slow = { ...harmless, name: 'control-processor', isControl: true, onAttacked: during(80), lost: 1 };
    expect(faultsOf(slow)).toEqual([]);
    const text = renderHostile({ ...run, results: [slow, harmless] }, machine, 'c', 'd');
    expect(text).toMatch(/^\| control-processor \|.*\| not judged \|$/m);
    expect(text).toContain('these rows is 80.0 ms');
    expect(renderHostile({ ...run, results: [harmless] }, machine, 'c', 'd')).not.toContain('control-');
  });

  it('names an attack that could not be measured, and the run then fails', () => {
    const failed = { ...run, results: [harmless], failures: ['sessions: the cluster has no leader'] };
    expect(renderHostile(failed, machine, 'c', 'd')).toContain('FAILED sessions: the cluster has no leader');
    expect(isHarmless(failed)).toBe(false);
    expect(isHarmless({ ...failed, failures: [] })).toBe(true);
    expect(isHarmless({ ...run, results: [{ ...harmless, lost: 1 }] })).toBe(false);
  });
});
