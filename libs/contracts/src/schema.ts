import { z } from 'zod';

/**
 * The type of a decoded value: read-only, and with exact optional fields (a field is absent, never present
 * with `undefined`). Each wire type is declared once, as a schema; its TypeScript type is `Decoded<typeof
 * schema>`.
 */
export type Decoded<Schema extends z.ZodType> = Immutable<z.output<Schema>>;

type Immutable<T> = T extends string | number | boolean | null | undefined | Uint8Array
  ? T
  : T extends readonly [infer First, infer Second]
    ? readonly [Immutable<First>, Immutable<Second>]
    : T extends readonly (infer Item)[]
      ? readonly Immutable<Item>[]
      : { readonly [Key in keyof T]: Immutable<Exclude<T[Key], OptionalUndefined<T, Key>>> };

type OptionalUndefined<T, Key extends keyof T> = object extends Pick<T, Key> ? undefined : never;

/**
 * Returns the value that a JSON text contains, or undefined when the text is not JSON or the value does not
 * match the schema.
 */
export function parseJson<Schema extends z.ZodType>(
  schema: Schema,
  text: Uint8Array | string,
): Decoded<Schema> | undefined {
  try {
    const value: unknown = JSON.parse(typeof text === 'string' ? text : Buffer.from(text).toString('utf8'));
    const result = schema.safeParse(value);
    // The two types differ only in `readonly` and in `undefined` of absent fields, which JSON cannot
    // represent.
    return result.success ? (result.data as Decoded<Schema>) : undefined;
  } catch {
    return undefined;
  }
}

/** Any number, including NaN and the infinities. */
export const anyNumber = z.custom<number>((value) => typeof value === 'number');
/** A term, index, counter, offset or size: a safe integer from 0. */
export const count = z.int().min(0);
export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
