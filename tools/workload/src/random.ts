const fnvOffset = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** Uniform in [0, 1). */
export type Random = () => number;

/**
 * A generator of its own for each name, so that what one client draws never depends on how often others drew:
 * FNV-1a of seed and name starts Marsaglia's xorshift (2003) with the shifts 13, 17, 5.
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
  // Names that differ in their last letter differ in few bits of the start; some rounds spread them.
  for (let round = 0; round < 8; round++) next();
  return next;
}

/** A whole number from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** @throws RangeError for an empty list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new RangeError('nothing to pick from');
  return found;
}

/** Fisher and Yates. */
export function shuffled<T>(random: Random, list: readonly T[]): T[] {
  const copy = [...list];
  for (let index = copy.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [copy[index], copy[other]] = [copy[other] as T, copy[index] as T];
  }
  return copy;
}
