import type { z } from 'zod';
import { elementOf, fieldsOf } from './schema-leaves.ts';

export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  /** The fault and the valid values. The text continues a sentence that starts with the name of the key. */
  readonly text: string;
}

const shownValueLengthMax = 80;
const secretName = /password|secret|token|credential|private|(^|[^a-z])key$/i;

/** Returns all problems of a value that zod rejected, unknown keys included, in one line. Values of secrets are not shown. */
export function describeValidationError(
  schema: z.core.$ZodType,
  value: unknown,
  error: z.core.$ZodError,
): string {
  const problems = [
    ...unknownKeys(schema, value),
    ...error.issues.flatMap((issue) => problemsOfIssue(issue, value)),
  ];
  return problems.map(({ path, text }) => `${path.map(String).join('.') || 'the value'} ${text}`).join('; ');
}

/** Finds keys that the schema does not declare, at every depth. A schema that is not strict would drop them silently. */
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
    const known = Object.keys(fields).join(', ');
    return [{ path: [...path, name], text: `is not a known setting (known settings: ${known})` }];
  });
}

/** Describes one issue that zod found in `root`. Returns no problem for unknown keys: {@link unknownKeys} reports them. */
export function problemsOfIssue(issue: z.core.$ZodIssue, root: unknown): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') return [];
  const value = valueAt(root, issue.path);
  const expected = expectation(issue);
  const text =
    value === undefined
      ? `is missing, it ${expected}`
      : `is ${formatValue(issue.path, value)}, but ${expected}`;
  return [{ path: issue.path, text }];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${withArticle(issue.expected)}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${JSON.stringify(issue.values[0])}`
        : `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `must ${quantity(issue.origin)} ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `must ${quantity(issue.origin)} ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return issue.pattern ? `must match ${issue.pattern}` : `must be ${withArticle(issue.format)}`;
    case 'custom':
      return issue.message;
    default:
      return `is invalid: ${issue.message}`;
  }
}

function quantity(origin: string): string {
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
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    root,
  );
}

function formatValue(path: readonly PropertyKey[], value: unknown): string {
  if (path.some((key) => typeof key === 'string' && secretName.test(key))) return 'set (not shown)';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > shownValueLengthMax ? `${text.slice(0, shownValueLengthMax)}...` : text;
}
