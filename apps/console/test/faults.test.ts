import { expect, test } from '@jest/globals';
import { explain, faultProblem, faultText } from '../src/pages/faults/fault-command.ts';
import { bars, longestGapMs, marks, spanMs } from '../src/pages/faults/gap-chart.ts';
import { FakeCluster } from './support/fake-cluster.ts';

const { faults } = new FakeCluster().lab;
const fault = (action: string) => {
  const found = faults.find((item) => item.action === action);
  if (found === undefined) throw new Error(`no fault ${action}`);
  return found;
};

test('writes a fault in the form of lab fault', () => {
  expect(faultText(fault('kill'), ['m3'], '')).toBe('kill:3');
  expect(faultText(fault('cut'), ['m1', 'm2'], '')).toBe('cut:1+2');
  expect(faultText(fault('slow-disk'), ['m3', 'm4'], '200ms')).toBe('slow-disk:3+4=200ms');
  expect(faultText(fault('heal'), ['m3'], '200ms')).toBe('heal');
  expect(faultText(fault('rolling'), [], '')).toBe('rolling');
});

test('a fault without its member or value is refused with what is missing', () => {
  expect(faultProblem(fault('kill'), [], '')).toBe('Choose a member first.');
  expect(faultProblem(fault('clock'), ['m1'], '')).toBe('It needs a value, such as +5s.');
  expect(faultProblem(fault('heal'), [], '')).toBeNull();
});

test('each fault has a sentence', () => {
  expect(faults.filter(({ action }) => explain(action) === '')).toEqual([]);
});

test('a gap keeps its place on the time axis, and a short one stays visible', () => {
  const nowMs = 1_000_000;
  const gaps = [
    { startMs: nowMs - 60_000, endMs: nowMs - 59_950 },
    { startMs: nowMs - spanMs - 5_000, endMs: nowMs - spanMs + 12_000 },
    { startMs: nowMs - 6_000, endMs: null },
    { startMs: 0, endMs: 500 },
  ];
  expect(bars({ gaps }, nowMs)).toEqual([
    { left: 50, width: 0.35, lengthMs: 50, isOpen: false },
    { left: 0, width: 10, lengthMs: 17_000, isOpen: false },
    { left: 95, width: 5, lengthMs: 6_000, isOpen: true },
  ]);
  expect(longestGapMs({ gaps }, nowMs)).toBe(17_000);
  expect(longestGapMs({ gaps: [] }, nowMs)).toBeNull();
});

test('only faults that took place are marked', () => {
  const nowMs = 1_000_000;
  const history = [
    { atMs: nowMs - 30_000, text: 'kill:3' },
    { atMs: nowMs - 10_000, text: 'cut:9', error: 'no such member' },
    { atMs: 0, text: 'old' },
  ];
  expect(marks(history, nowMs)).toEqual([{ left: 75, text: 'kill:3' }]);
});
