/** The only source of randomness of a run. The seed determines the whole run. */
export interface Random {
  /** Returns a number that is uniform in [0, 1). */
  next(): number;
  /** Returns an integer that is uniform in [0, bound). */
  below(bound: number): number;
  /** Returns a number that is uniform in [min, max). */
  between(min: number, max: number): number;
  chance(probability: number): boolean;
  /** @throws RangeError when the list is empty */
  pick<T>(items: readonly T[]): T;
  shuffled<T>(items: readonly T[]): T[];
  /** Returns an independent generator: draws from one do not change the numbers that the other returns. */
  fork(): Random;
}

/** Rounds that mix the seed before the first number is used. */
const warmUpRounds = 12;

/** sfc32, a small fast counting generator (Chris Doty-Humphrey, PractRand). */
export function createRandom(seed: number): Random {
  let a = 0x9e3779b9 ^ seed;
  let b = 0x243f6a88 + Math.floor(seed / 2 ** 32);
  let c = 0xb7e15162;
  let counter = 1;
  const draw = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < warmUpRounds; round += 1) draw();

  const random: Random = {
    next: () => draw() / 2 ** 32,
    below: (bound) => Math.floor((draw() / 2 ** 32) * bound),
    between: (min, max) => min + (draw() / 2 ** 32) * (max - min),
    chance: (probability) => draw() / 2 ** 32 < probability,
    pick(items) {
      if (items.length === 0) throw new RangeError('cannot pick from an empty list');
      return items[random.below(items.length)] as (typeof items)[number];
    },
    shuffled(items) {
      const result = [...items];
      for (let last = result.length - 1; last > 0; last -= 1) {
        const other = random.below(last + 1);
        const kept = result[last] as (typeof items)[number];
        result[last] = result[other] as (typeof items)[number];
        result[other] = kept;
      }
      return result;
    },
    fork: () => createRandom(draw() * 2 ** 20 + (draw() >>> 12)),
  };
  return random;
}
