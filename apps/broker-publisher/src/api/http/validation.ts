import type { z } from 'zod';
import { ApiProblem } from './api-problem.ts';

/** Where a value comes from, as the sentences of problems name it. */
type Source = 'path' | 'query' | 'body';

const nouns: Readonly<Record<Source, { readonly item: string; readonly whole: string }>> = {
  path: { item: 'the part of the path', whole: 'the path' },
  query: { item: 'the query parameter', whole: 'the query' },
  body: { item: 'the field', whole: 'the body' },
};

/**
 * Returns the value that the schema accepts.
 *
 * @throws ApiProblem 400, with the first fault. The sentence never contains the value, which may be a secret
 */
export function validated<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  source: Source,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ApiProblem(400, sentenceOf(result.error.issues[0]!, value, source, schema));
}

function sentenceOf(issue: z.core.$ZodIssue, root: unknown, source: Source, schema: z.ZodType): string {
  const { item, whole } = nouns[source];
  const name = issue.path.map(String).join('.');
  const subject = name === '' ? whole : `${item} ${name}`;
  if (issue.code === 'unrecognized_keys') {
    const [unknown = ''] = issue.keys;
    const within = name === '' ? whole : subject;
    return `${within} has no ${source === 'query' ? 'parameter' : 'field'} ${JSON.stringify(unknown.slice(0, 100))}${known(schema, name)}`;
  }
  if (valueAt(root, issue.path) === undefined) return `${subject} is missing`;
  return /^must /.test(issue.message) ? `${subject} ${issue.message}` : `${subject}: ${expectation(issue)}`;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    default:
      return issue.message;
  }
}

/** Returns the known names, if the fault is in the whole query or body. */
function known(schema: z.ZodType, name: string): string {
  const { shape } = schema as { readonly shape?: Readonly<Record<string, unknown>> };
  if (name !== '' || shape === undefined) return '';
  const names = Object.keys(shape);
  return names.length === 0 ? '' : `: it may have ${names.join(', ')}`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    root,
  );
}

/** @throws ApiProblem 400 a parameter occurs twice */
export function queryOf(parameters: URLSearchParams): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of parameters) {
    if (Object.hasOwn(query, name))
      throw new ApiProblem(400, `the query parameter ${name.slice(0, 100)} occurs twice: it may occur once`);
    Object.defineProperty(query, name, { value, enumerable: true });
  }
  return query;
}
