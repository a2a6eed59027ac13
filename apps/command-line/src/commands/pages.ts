import type { Command } from 'commander';
import type { Context } from '../program/context.ts';
import { CommandError } from '../program/errors.ts';
import { text, whole } from '../program/options.ts';

/** Items of one request; the API's bound. */
const pageItemsMax = 500;
const limitDefault = 10_000;
const limitMax = 1_000_000;

interface Page<Item> {
  items: Item[];
  next: string | null;
  unreachable: string[];
  tooOld: string[];
}

export interface PageOptions {
  readonly limit: number;
  readonly after?: string;
}

/** Declares the options of a command that prints a list. */
export function withPages(command: Command): Command {
  return command
    .option('--limit <N>', 'print at most N items', whole(1, limitMax), limitDefault)
    .option('--after <CURSOR>', 'continue after the cursor `next` of an earlier answer', text);
}

/**
 * Gathers the pages of a list up to the limit. The result has the form of one page; `next` is not null if the list is
 * longer.
 *
 * @param noun the items for the progress, such as `clients`
 */
export async function gather<Item>(
  { output }: Context,
  { limit, after }: PageOptions,
  noun: string,
  request: (query: { limit: number; after?: string }) => Promise<Page<Item>>,
): Promise<Page<Item>> {
  const items: Item[] = [];
  const unreachable = new Set<string>();
  const tooOld = new Set<string>();
  let next: string | null = after ?? null;
  do {
    const cursor = next;
    const wanted = Math.min(pageItemsMax, limit - items.length);
    const page = await request({ limit: wanted, ...(cursor !== null && { after: cursor }) });
    // An answer without the cursor is the last page.
    next = page.next ?? null;
    if (next !== null && next === cursor)
      throw new CommandError('the server repeats a page of the list: ask another member');
    items.push(...page.items);
    for (const id of page.unreachable) unreachable.add(id);
    for (const id of page.tooOld) tooOld.add(id);
    if (next !== null) output.progress(`${items.length} ${noun}…`);
  } while (next !== null && items.length < limit);
  return { items, next, unreachable: [...unreachable], tooOld: [...tooOld] };
}

/** Prints what the list lacks: members without an answer, and items beyond the limit. */
export function noteLimits(context: Context, page: Page<unknown>, noun: string): void {
  context.noteGaps(page);
  if (page.next !== null)
    context.output.note(`The list has more than ${page.items.length} ${noun}: --limit N prints more.`);
}
