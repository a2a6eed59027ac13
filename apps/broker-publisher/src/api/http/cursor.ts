import type { z } from 'zod';
import { ApiProblem } from './api-problem.ts';

/** Returns the opaque text of a position in a list. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** Returns the position of a cursor; null without a cursor. @throws ApiProblem 400 */
export function decodeCursor<Schema extends z.ZodType>(
  schema: Schema,
  cursor: string | undefined,
): z.output<Schema> | null {
  if (cursor === undefined) return null;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new ApiProblem(400, 'the query parameter after must be the value next of the page before');
  }
}
