import { expect, test } from '@jest/globals';
import {
  ago,
  bytes,
  count,
  duration,
  expiry,
  milliseconds,
  names,
  plural,
  rate,
} from '../src/text/format.ts';

test('formats figures with the precision that a reader can use', () => {
  expect([0, 0.04, 9.94, 9.96, 1_234.5].map(rate)).toEqual(['0', '0.0', '9.9', '10', '1,235']);
  expect([0, 1_023, 1_024, 1_536, 123_456_789].map(bytes)).toEqual([
    '0 B',
    '1,023 B',
    '1.0 KiB',
    '1.5 KiB',
    '118 MiB',
  ]);
  expect([0.4, 12, 9_999, 12_345].map(milliseconds)).toEqual(['0.4 ms', '12 ms', '9,999 ms', '12.3 s']);
  expect(count(1_234_567)).toBe('1,234,567');
});

test('shows a dash for a figure that no member reported, not a zero', () => {
  expect([count(null), rate(undefined), bytes(null), milliseconds(undefined), ago(null, 1)]).toEqual(
    Array(5).fill('–'),
  );
});

test('formats durations with at most two neighbouring units', () => {
  expect([0, 59, 60, 3_599, 3_600, 7_505, 86_400, 90_061].map(duration)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '59 min 59 s',
    '1 h',
    '2 h 5 min',
    '1 d',
    '1 d 1 h',
  ]);
  expect(duration(86_405)).toBe('1 d');
});

test('joins names and counts as a sentence needs them', () => {
  expect([[], ['m1'], ['m1', 'm2'], ['m1', 'm2', 'm3']].map(names)).toEqual([
    '',
    'm1',
    'm1 and m2',
    'm1, m2 and m3',
  ]);
  expect([plural(1, 'client'), plural(0, 'client'), plural(2, 'entry', 'entries')]).toEqual([
    '1 client',
    '0 clients',
    '2 entries',
  ]);
});

test('names the two special values of Session Expiry Interval', () => {
  expect(expiry(0)).toBe('at the end of the connection');
  expect(expiry(0xffffffff)).toBe('never');
  expect(expiry(90)).toBe('1 min 30 s after the end of the connection');
});
