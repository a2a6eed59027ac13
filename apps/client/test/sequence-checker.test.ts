import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import fc from 'fast-check';
import { SequenceChecker } from '../src/sequence-checker.ts';

function message(number: number, more: Partial<TelemetryPayload> = {}): TelemetryPayload {
  return { group: 'g', signal: 's', number, sentAt: 0, value: 0, run: 'r', ...more };
}

function observe(qos: QoS, numbers: readonly number[]): SequenceChecker {
  const checker = new SequenceChecker();
  for (const number of numbers) checker.observe(qos, message(number));
  return checker;
}

test('in sequence, from wherever it begins', () => {
  const { byQos, violations } = observe(2, [41, 42, 43]).verdict();
  expect(byQos[2]).toEqual({ received: 3, missing: 0, duplicates: 0, outOfOrder: 0 });
  expect(violations).toEqual([]);
});

test('a hole is missing, and no longer when it is filled late', () => {
  const checker = observe(1, [1, 2, 6]);
  expect(checker.verdict().byQos[1].missing).toBe(3);
  expect(checker.verdict().violations).toEqual(['QoS 1: 3 missing']);
  for (const number of [4, 3, 5]) expect(checker.observe(1, message(number))).toBe('late');
  expect(checker.verdict().byQos[1]).toEqual({ received: 6, missing: 0, duplicates: 0, outOfOrder: 3 });
  expect(checker.verdict().violations).toEqual([]);
});

test('a filled number that comes again is a duplicate', () => {
  const checker = observe(1, [1, 3, 2]);
  expect(checker.observe(1, message(2))).toBe('duplicate');
});

test.each([
  [0, [1, 3], []],
  [0, [1, 1], ['QoS 0: 1 came twice']],
  [1, [1, 1], []],
  [2, [1, 1], ['QoS 2: 1 came twice']],
  [2, [1, 3], ['QoS 2: 1 missing']],
  [2, [1, 3, 2], ['QoS 2: 1 out of order']],
] as const)('QoS %i %j: %j', (qos, numbers, violations) => {
  expect(observe(qos, numbers).verdict().violations).toEqual(violations);
});

test('streams are apart by group, signal, QoS and run', () => {
  const checker = new SequenceChecker();
  checker.observe(1, message(1));
  expect(checker.observe(1, message(1, { group: 'h' }))).toBe('first');
  expect(checker.observe(1, message(1, { signal: 't' }))).toBe('first');
  expect(checker.observe(1, message(1, { run: 'q' }))).toBe('first');
  expect(checker.observe(2, message(1))).toBe('first');
  expect(checker.verdict().streams).toBe(5);
});

test('what came before the first one seen is late, not twice', () => {
  expect(observe(1, [5]).observe(1, message(4))).toBe('late');
});

test('memory is bounded: streams', () => {
  const checker = new SequenceChecker();
  for (let run = 0; run < 3_000; run += 1) checker.observe(0, message(1, { run: `run${run}` }));
  expect(checker.verdict().streams).toBe(2_000);
});

test('memory is bounded: holes; a forgotten one stays missing', () => {
  const checker = observe(
    1,
    Array.from({ length: 1_200 }, (_, index) => index * 2 + 1),
  );
  expect(checker.verdict().byQos[1].missing).toBe(1_199);
  checker.observe(1, message(2));
  expect(checker.verdict().byQos[1]).toMatchObject({ missing: 1_199, duplicates: 1 });
  checker.observe(1, message(2_000));
  expect(checker.verdict().byQos[1].missing).toBe(1_198);
});

test('any order of any numbers: what a set would say', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 120 }), (numbers) => {
      const first = numbers[0] ?? 0;
      // Below the first one nothing is known: a second arrival can't be told from a first.
      const known = numbers.filter((number) => number >= first);
      const { missing, duplicates, outOfOrder } = observe(1, known).verdict().byQos[1];
      const different = new Set(known);
      const highest = Math.max(...known);
      expect(missing).toBe(highest - first + 1 - different.size);
      expect(duplicates).toBe(known.length - different.size);
      const late = known.filter(
        (number, index) =>
          !known.slice(0, index).includes(number) && known.slice(0, index).some((other) => other > number),
      );
      expect(outOfOrder).toBe(late.length);
    }),
  );
});
