import { z } from 'zod';
import { problemSchema, problemType } from './problem.ts';

const problemContent = { [problemType]: { schema: problemSchema } } as const;

/** The errors of every operation. */
const problems = {
  '4XX': {
    description: 'The request is wrong or not permitted. Nothing has changed.',
    content: problemContent,
  },
  '5XX': {
    description: 'The member cannot answer now. The log of the member has the reason.',
    content: problemContent,
  },
} as const;

/** Returns the responses of an operation whose result is JSON. */
export function jsonResult<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { 200: { description, content: { 'application/json': { schema } } }, ...problems } as const;
}

/** As {@link jsonResult}, for an operation that continues after its answer (202). */
export function acceptedResult<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { 202: { description, content: { 'application/json': { schema } } }, ...problems } as const;
}

/**
 * Returns the responses of an operation that answers with server-sent events: the field `data` of each event is one
 * value of the schema as JSON.
 */
export function streamResult<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { 200: { description, content: { 'text/event-stream': { schema } } }, ...problems } as const;
}

/** Returns the responses of an operation that answers with bytes. */
export function bytesResult(description: string) {
  const schema = z.string().meta({ format: 'binary' });
  return { 200: { description, content: { 'application/octet-stream': { schema } } }, ...problems } as const;
}

/** Returns the request of an operation with a JSON body. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } } as const;
}

/** As {@link jsonBody}, for a body that may be absent: it then counts as an empty object. */
export function optionalJsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: false, content: { 'application/json': { schema } } } as const;
}

/** The result of an act of an operator. */
export const doneSchema = z
  .object({ ok: z.literal(true), text: z.string().meta({ description: 'What was done, in one sentence.' }) })
  .meta({ id: 'Done' });
