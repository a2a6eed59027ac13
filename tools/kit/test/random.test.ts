import { between, pick, seededRandom, shuffled } from '../src/index.ts';

const draws = 2_000;
const draw = (random: () => number, count: number): number[] => Array.from({ length: count }, () => random());

test('seededRandom returns the same numbers for the same seed and name, and other numbers for another seed or name', () => {
  const first = draw(seededRandom(7, 'publisher-1'), 5);
  expect(draw(seededRandom(7, 'publisher-1'), 5)).toEqual(first);
  expect(draw(seededRandom(8, 'publisher-1'), 5)).not.toEqual(first);
  expect(draw(seededRandom(7, 'publisher-2'), 5)).not.toEqual(first);
});

test('seededRandom returns uniformly distributed first numbers for generators with similar names', () => {
  const values = Array.from({ length: draws }, (_, index) => seededRandom(1, `client-${index}`)());
  const mean = values.reduce((sum, value) => sum + value, 0) / draws;
  // Six standard deviations of the mean of uniform values.
  expect(Math.abs(mean - 0.5)).toBeLessThan(6 / Math.sqrt(12 * draws));
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
});

test('between returns both bounds, pick returns every item, and shuffled returns all items', () => {
  const random = seededRandom(1);
  const numbers = new Set(Array.from({ length: draws }, () => between(random, 3, 5)));
  expect([...numbers].sort()).toEqual([3, 4, 5]);
  expect(new Set(Array.from({ length: draws }, () => pick(random, ['a', 'b'])))).toEqual(new Set(['a', 'b']));
  expect(() => pick(random, [])).toThrow(RangeError);
  const list = [1, 2, 3, 4];
  const copies = Array.from({ length: draws }, () => shuffled(random, list));
  expect(copies.every((copy) => [...copy].sort().join() === '1,2,3,4')).toBe(true);
  expect(new Set(copies.map((copy) => copy.join())).size).toBe(24);
  expect(list).toEqual([1, 2, 3, 4]);
});
