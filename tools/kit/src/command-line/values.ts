import { InvalidArgumentError } from 'commander';

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Converts `250ms`, `30s`, `2.5m`, `1h` or `7d` into milliseconds; a number without a unit is in seconds. Returns null
 * for other text.
 */
export function parseDuration(text: string): number | null {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  return number === undefined ? null : Number(number) * (unitsMs[unit] ?? 1_000);
}

/** Returns a parser for an option whose value is a whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}`);
  };
}

/**
 * Returns a parser for an option whose value is a duration. The parser returns milliseconds.
 *
 * @param min the shortest allowed duration, in the form that the user writes: `500ms`
 * @param max the longest allowed duration
 */
export function duration(min: string, max: string): (text: string) => number {
  return (text) => {
    const value = parseDuration(text);
    if (value !== null && value >= (parseDuration(min) ?? 0) && value <= (parseDuration(max) ?? Infinity)) {
      return value;
    }
    throw new InvalidArgumentError(
      `must be a duration from ${min} to ${max} (for example 500ms, 30s, 5m, 1h)`,
    );
  };
}

/** Returns a parser for an option whose value is one of the given words. */
export function oneOf<Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
  };
}

/** Returns a parser for an option whose value is a comma-separated list; `parseItem` parses each item. */
export function listOf<Item>(parseItem: (text: string) => Item): (text: string) => Item[] {
  return (text) => text.split(',').map((item) => parseItem(item.trim()));
}

/** Returns a parser for an option that the user may give several times; `parseItem` parses each value. */
export function repeated<Item>(
  parseItem: (text: string) => Item,
): (text: string, previous: readonly Item[] | undefined) => Item[] {
  return (text, previous = []) => [...previous, parseItem(text)];
}
