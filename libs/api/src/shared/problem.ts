import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';

/** Media type of all errors (RFC 9457). */
export const problemType = 'application/problem+json';

/** Body of every response with a status of 400 or more. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'Always about:blank: the status is the kind of the problem.' }),
    title: z.string().meta({ description: 'The name of the HTTP status.' }),
    status: z.int(),
    detail: z.string().meta({ description: 'One sentence: what is wrong, and what would be right.' }),
    later: z
      .boolean()
      .optional()
      .meta({ description: 'True if the same request may succeed later. Absent otherwise.' }),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457). Nothing has changed.' });

export type Problem = Decoded<typeof problemSchema>;
