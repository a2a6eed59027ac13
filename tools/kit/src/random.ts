import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { mersenne } from 'pure-rand/generator/mersenne';

const fnvOffset = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** A random number generator. Each call returns the next number, uniform in [0, 1). */
export type Random = () => number;

/**
 * Returns a Mersenne Twister that returns the same numbers for the same seed and name. With a name of its own, a client or
 * task has its own generator, so its numbers do not depend on the calls of other generators.
 */
export function seededRandom(seed: number, name = ''): Random {
  // FNV-1a
  let hash = fnvOffset;
  for (const character of `${seed}/${name}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), fnvPrime);
  }
  const generator = mersenne(hash);
  return () => uniformFloat64(generator);
}

/** Returns a whole number from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** Returns one item of a list. @throws RangeError for an empty list */
export function pick<Item>(random: Random, list: readonly Item[]): Item {
  if (list.length === 0) throw new RangeError('cannot pick from an empty list');
  return list[Math.floor(random() * list.length)] as Item;
}

/** Returns a copy of the list in random order (Fisher-Yates). */
export function shuffled<Item>(random: Random, list: readonly Item[]): Item[] {
  const copy = [...list];
  for (let index = copy.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [copy[index], copy[other]] = [copy[other] as Item, copy[index] as Item];
  }
  return copy;
}
