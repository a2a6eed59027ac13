import { InvalidArgumentError } from 'commander';

/** Parses an option whose value is a text. A value that begins with `-` is the next option. */
export function text(value: string): string {
  if (!value.startsWith('-')) return value;
  throw new InvalidArgumentError('It is an option, so the value is missing.');
}

/** Parses the path of a file, or `-` for standard input. */
export function fileOrInput(value: string): string {
  return value === '-' ? value : text(value);
}

/** Adds the value of an option that may be given several times. */
export function several(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text(value)];
}

/** Returns a parser of whole numbers from `min` to `max`. */
export function whole(min: number, max: number): (value: string) => number {
  return (value) => {
    if (/^\d{1,12}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value);
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Returns the object without the fields that are undefined. */
export function defined<T extends object>(fields: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}
