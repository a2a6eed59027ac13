import fc from 'fast-check';
import { DeadlineHeap, notScheduled } from '../src/session/deadline-heap.ts';
import type { Deadline } from '../src/session/deadline-heap.ts';

interface Numbered extends Deadline {
  readonly number: number;
}

function isBefore(left: Numbered, right: Numbered): boolean {
  if (left.deadline !== right.deadline) return left.deadline < right.deadline;
  return left.number < right.number;
}

const of = (deadline: number, number: number): Numbered => ({ deadline, number, position: notScheduled });

test('deadlines are due in their order after any additions and removals, equal ones by the given order', () => {
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 60 }) }) },
    { weight: 2, arbitrary: fc.record({ cancel: place }) },
    { weight: 1, arbitrary: fc.record({ pop: fc.integer({ min: 0, max: 30 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 200 }), (steps) => {
      const heap = new DeadlineHeap<Numbered>(isBefore);
      const all: Numbered[] = [];
      let expected: Numbered[] = [];
      for (const each of steps) {
        if ('push' in each) {
          const item = of(each.push, all.length);
          all.push(item);
          heap.push(item);
          expected = [...expected, item].sort((left, right) => (isBefore(left, right) ? -1 : 1));
        } else if ('cancel' in each) {
          // Also one that the heap does not have any more.
          const item = all[Math.floor(each.cancel * all.length)];
          if (item) heap.cancel(item);
          expected = expected.filter((other) => other !== item);
        } else {
          const [first] = expected;
          const due = first && first.deadline <= each.pop ? first : undefined;
          expect(heap.popDue(each.pop)).toBe(due);
          if (due) expected = expected.slice(1);
        }
        expect(heap.peek()).toBe(expected[0]);
      }
      expect(expected.map(() => heap.popDue(Infinity))).toEqual(expected);
      expect(heap.peek()).toBeUndefined();
    }),
  );
});

test('a removal compares few deadlines, however many there are', () => {
  let compared = 0;
  const heap = new DeadlineHeap<Numbered>((left, right) => {
    compared++;
    return isBefore(left, right);
  });
  const items = Array.from({ length: 10_000 }, (_, number) => of((number * 7_919) % 10_007, number));
  for (const item of items) heap.push(item);
  let mostCompared = 0;
  for (const item of items.filter(({ number }) => number % 3 > 0)) {
    compared = 0;
    heap.cancel(item);
    mostCompared = Math.max(mostCompared, compared);
  }
  // Two for each of the 14 levels, and two more.
  expect(mostCompared).toBeLessThanOrEqual(30);
  const left = items
    .filter(({ number }) => number % 3 === 0)
    .sort((one, other) => one.deadline - other.deadline);
  expect(left.map(() => heap.popDue(Infinity))).toEqual(left);
  expect(heap.peek()).toBeUndefined();
});
