const fnvOffset = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** Returns numbers that are uniform in [0, 1). */
export type Random = () => number;

/**
 * Makes a random generator for each name, so that the numbers of one client never depend on how many numbers others used.
 * FNV-1a of seed and name is the start of Marsaglia's xorshift (2003) with the shifts 13, 17, 5.
 */
export function randomOf(seed: number, name: string): Random {
  let hash = fnvOffset;
  for (const character of `${seed}/${name}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), fnvPrime);
  }
  // Zero is a fixed point of xorshift.
  let state = hash | 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
  // Names that differ only in their last letter start with few different bits; the first rounds spread them.
  for (let round = 0; round < 8; round++) next();
  return next;
}

/** @returns a whole number from `low` to `high`, both included */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** @returns one item of the list. @throws RangeError for an empty list */
export function pick<T>(random: Random, list: readonly T[]): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new RangeError('pick from an empty list');
  return found;
}

/** @returns a copy of the list in random order (Fisher and Yates) */
export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const copy = [...list];
  for (let index = copy.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [copy[index], copy[other]] = [copy[other] as T, copy[index] as T];
  }
  return copy;
}
