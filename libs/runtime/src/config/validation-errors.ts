import type { z } from 'zod';
import { elementOf, fieldsOf } from './schema-leaves.ts';

export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  /** What is wrong and what would be right, to be read after the key's name. */
  readonly text: string;
}

const shownValueLengthMax = 80;
const secretName = /password|secret|token|credential|private|(^|[^a-z])key$/i;

/**
 * Keys that the schema doesn't know, wherever they are; a schema that isn't strict would drop them silently.
 */
export function unknownKeys(
  schema: z.core.$ZodType,
  value: unknown,
  path: readonly PropertyKey[] = [],
): ConfigProblem[] {
  const element = elementOf(schema);
  if (element && Array.isArray(value)) {
    return value.flatMap((item, index) => unknownKeys(element, item, [...path, index]));
  }
  const fields = fieldsOf(schema);
  if (!fields || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field) return unknownKeys(field, inner, [...path, name]);
    return [
      { path: [...path, name], text: `is no known setting (known here: ${Object.keys(fields).join(', ')})` },
    ];
  });
}

/** All that zod and {@link unknownKeys} have against a value, in one line. */
export function inOneLine(schema: z.core.$ZodType, value: unknown, error: z.core.$ZodError): string {
  const problems = [
    ...unknownKeys(schema, value),
    ...error.issues.flatMap((issue) => problemOf(issue, value)),
  ];
  return problems.map(({ path, text }) => `${path.map(String).join('.') || 'it'} ${text}`).join('; ');
}

/** An issue of zod's in words. */
export function problemOf(issue: z.core.$ZodIssue, root: unknown): ConfigProblem[] {
  // Found by `unknownKeys`, also where the schema is not strict.
  if (issue.code === 'unrecognized_keys') return [];
  const value = valueAt(root, issue.path);
  const wanted = wish(issue);
  const text =
    value === undefined ? `is missing, it ${wanted}` : `is ${shown(issue.path, value)}, but ${wanted}`;
  return [{ path: issue.path, text }];
}

function wish(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${withArticle(issue.expected)}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${JSON.stringify(issue.values[0])}`
        : `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `must ${measure(issue.origin)} ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `must ${measure(issue.origin)} ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return issue.pattern ? `must match ${issue.pattern}` : `must be ${withArticle(issue.format)}`;
    default:
      return `is not right: ${issue.message}`;
  }
}

function measure(origin: string): string {
  if (origin === 'string') return 'have a length of';
  if (origin === 'array' || origin === 'set' || origin === 'map') return 'have a number of items of';
  return 'be';
}

function withArticle(noun: string): string {
  if (noun === 'int') return 'a whole number';
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    root,
  );
}

function shown(path: readonly PropertyKey[], value: unknown): string {
  if (path.some((key) => typeof key === 'string' && secretName.test(key))) return 'set (not shown)';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > shownValueLengthMax ? `${text.slice(0, shownValueLengthMax)}...` : text;
}
