import { ItemExpiries } from '../src/session/item-expiries.ts';

/** A queue that counts how often it is asked for an item. */
class CountingQueue extends Set<number> {
  asked = 0;

  override has(number: number): boolean {
    this.asked++;
    return super.has(number);
  }
}

test('the expiries of removed items are discarded when they are more than the items', () => {
  const queue = new CountingQueue();
  const expiries = new ItemExpiries(queue);
  for (let number = 1; number <= 10_000; number++) {
    queue.add(number);
    expiries.add(number, number);
    if (number < 3) continue;
    queue.delete(number - 1);
    expiries.removed(number - 1);
  }
  expect(expiries.first).toBe(1);
  queue.asked = 0;
  queue.delete(1);
  expiries.removed(1);
  expect(expiries.first).toBe(10_000);
  expect(queue.asked).toBeLessThan(50);
});

test('the expiries that are left after many removals are in the order of their deadlines, then of their items', () => {
  const queue = new Set<number>();
  const expiries = new ItemExpiries(queue);
  const deadlineOf = (number: number): number => (number * 7_919) % 1_009;
  for (let number = 0; number < 5_000; number++) {
    queue.add(number);
    expiries.add(deadlineOf(number), number);
  }
  for (let number = 0; number < 5_000; number++) {
    if (number % 5 === 0) continue;
    queue.delete(number);
    expiries.removed(number);
  }
  const expected = [...queue].sort((left, right) => deadlineOf(left) - deadlineOf(right) || left - right);
  expect(expected.map(() => expiries.takeFirst())).toEqual(expected);
  expect(expiries.first).toBe(Infinity);
});

test('items whose expiry has passed are returned once, in the order of their expiries, unless they are removed', () => {
  const expiries = new ItemExpiries(new Set([1, 2, 3]));
  expiries.add(20, 1);
  expiries.add(10, 2);
  expiries.add(10, 3);
  for (let left = 3; left > 0; left--) expiries.pass(expiries.takeFirst()!);
  expect(expiries.takeFirst()).toBeUndefined();
  expiries.removed(3);
  expect([...expiries.takePassed()]).toEqual([2, 1]);
  expect([...expiries.takePassed()]).toEqual([]);
});
