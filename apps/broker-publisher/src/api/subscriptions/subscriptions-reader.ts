import type { Page, SubscriptionItem } from '@mqtt-cluster/api';
import { compareTexts } from '@mqtt-cluster/contracts';
import type { MemberId, StateView, SubscriptionCursor } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import type { Answers } from '../../queries/index.ts';
import { decodeCursor, encodeCursor } from '../http/cursor.ts';
import { union } from '../http/gaps.ts';
import {
  allSubscriptionsQuestion,
  cursorOf,
  readSubscriptions,
  subscriptionsQuestion,
} from './home-subscriptions.ts';
import type { Listing, SubscriptionQuestion, SubscriptionWanted } from './home-subscriptions.ts';

export interface SubscriptionsReaderOptions {
  readonly self: MemberId;
  readonly members: readonly MemberId[];
  readonly view: () => StateView;
  readonly askAll: (kind: string, body: unknown, members: readonly MemberId[]) => Promise<Answers>;
}

/**
 * Reads the subscriptions of all members: the replicated ones from this member, and those of the clean sessions of
 * each home from that home.
 */
export class SubscriptionsReader {
  readonly #options: SubscriptionsReaderOptions;

  constructor(options: SubscriptionsReaderOptions) {
    this.#options = options;
  }

  async list(
    wanted: SubscriptionWanted,
    limit: number,
    after: string | undefined,
  ): Promise<Page<SubscriptionItem>> {
    const { self, members, view, askAll } = this.#options;
    const position = decodeCursor(z.object({ client: z.string(), filter: z.string() }), after);
    const question: SubscriptionQuestion = { ...wanted, after: position, limit };
    const others = members.filter((id) => id !== self);
    const isWholeList = wanted.filter === undefined && wanted.topic === undefined;
    const kind = isWholeList ? allSubscriptionsQuestion : subscriptionsQuestion;
    const answered = await askAll(kind, question, others);
    const own = readSubscriptions(view(), question, 'all');
    const pages = [own, ...[...answered.answers.values()].map((answer) => answer as Listing)];
    const { items, next } = merge(pages, limit);
    return { items, next: next === null ? null : encodeCursor(next), ...union(answered) };
  }
}

/** Merges the pages in the order of their items. Nothing after the end of an incomplete page can be shown yet. */
function merge(pages: readonly Listing[], limit: number): Listing {
  const ends = pages.flatMap(({ next }) => (next === null ? [] : [next]));
  const end = ends.reduce<SubscriptionCursor | null>(
    (least, each) => (least === null || compare(each, least) < 0 ? each : least),
    null,
  );
  const all = pages
    .flatMap(({ items }) => items)
    .filter((item) => end === null || compare(item, end) <= 0)
    .sort(compare);
  const unique = all.filter((item, index) => index === 0 || compare(item, all[index - 1]!) !== 0);
  const items = unique.slice(0, limit);
  return { items, next: unique.length <= limit ? end : cursorOf(items.at(-1)!) };
}

function compare(left: SubscriptionCursor, right: SubscriptionCursor): number {
  return compareTexts(left.client, right.client) || compareTexts(left.filter, right.filter);
}
