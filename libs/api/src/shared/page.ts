import { z } from 'zod';

const members = z.array(z.string());

/** The members that a gathered answer lacks. Every answer that asked other members has these two lists. */
export const gapsSchema = {
  unreachable: members.meta({
    description: 'Ids of the members that did not answer in time. The answer lacks what only they know.',
  }),
  tooOld: members.meta({
    description: 'Ids of the members whose version has no HTTP API, or lacks this part of it.',
  }),
} as const;

/** Returns the schema of a page of a list. */
export function pageOf<Item extends z.ZodType>(name: string, item: Item) {
  return z
    .object({
      items: z.array(item),
      next: z
        .string()
        .nullable()
        .meta({ description: 'The cursor of the next page: pass it as `after`. Null on the last page.' }),
      ...gapsSchema,
    })
    .meta({ id: name });
}

/** A page of a list, and the members that did not contribute to it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
  readonly unreachable: readonly string[];
  readonly tooOld: readonly string[];
}
