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

test('the sequence checker accepts a sequence that starts with any number', () => {
  const { byQos, violations } = observe(2, [41, 42, 43]).report();
  expect(byQos[2]).toEqual({ received: 3, missing: 0, duplicates: 0, outOfOrder: 0 });
  expect(violations).toEqual([]);
});

test('the sequence checker reports a gap as missing until the numbers are received late', () => {
  const checker = observe(1, [1, 2, 6]);
  expect(checker.report().byQos[1].missing).toBe(3);
  expect(checker.report().violations).toEqual(['QoS 1: 3 missing']);
  for (const number of [4, 3, 5]) expect(checker.observe(1, message(number))).toBe('late');
  expect(checker.report().byQos[1]).toEqual({ received: 6, missing: 0, duplicates: 0, outOfOrder: 3 });
  expect(checker.report().violations).toEqual([]);
});

test('the sequence checker reports a late number that is received again as a duplicate', () => {
  const checker = observe(1, [1, 3, 2]);
  expect(checker.observe(1, message(2))).toBe('duplicate');
});

test.each([
  [0, [1, 3], []],
  [0, [1, 1], ['QoS 0: 1 received twice']],
  [1, [1, 1], []],
  [2, [1, 1], ['QoS 2: 1 received twice']],
  [2, [1, 3], ['QoS 2: 1 missing']],
  [2, [1, 3, 2], ['QoS 2: 1 out of order']],
] as const)(
  'the sequence checker reports, for QoS %i and the sequence numbers %j, the violations %j',
  (qos, numbers, violations) => {
    expect(observe(qos, numbers).report().violations).toEqual(violations);
  },
);

test('the sequence checker keeps separate streams for each group, signal, QoS and run', () => {
  const checker = new SequenceChecker();
  checker.observe(1, message(1));
  expect(checker.observe(1, message(1, { group: 'h' }))).toBe('first');
  expect(checker.observe(1, message(1, { signal: 't' }))).toBe('first');
  expect(checker.observe(1, message(1, { run: 'q' }))).toBe('first');
  expect(checker.observe(2, message(1))).toBe('first');
  expect(checker.report().streams).toBe(5);
});

test('the sequence checker reports a number below the first one as late, not as a duplicate', () => {
  expect(observe(1, [5]).observe(1, message(4))).toBe('late');
});

test('the sequence checker keeps at most 2000 streams in memory', () => {
  const checker = new SequenceChecker();
  for (let run = 0; run < 3_000; run += 1) checker.observe(0, message(1, { run: `run${run}` }));
  expect(checker.report().streams).toBe(2_000);
});

test('the sequence checker keeps at most 1000 gaps per stream, and still counts the numbers of dropped gaps as missing', () => {
  const checker = observe(
    1,
    Array.from({ length: 1_200 }, (_, index) => index * 2 + 1),
  );
  expect(checker.report().byQos[1].missing).toBe(1_199);
  checker.observe(1, message(2));
  expect(checker.report().byQos[1]).toMatchObject({ missing: 1_199, duplicates: 1 });
  checker.observe(1, message(2_000));
  expect(checker.report().byQos[1].missing).toBe(1_198);
});

test('the sequence checker counts the same missing, duplicate and late numbers as a set of the received numbers, for any numbers in any order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 120 }), (numbers) => {
      const first = numbers[0] ?? 0;
      // Below the first number, a repetition cannot be distinguished from a first arrival.
      const known = numbers.filter((number) => number >= first);
      const { missing, duplicates, outOfOrder } = observe(1, known).report().byQos[1];
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
