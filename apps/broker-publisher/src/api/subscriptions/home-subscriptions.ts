import type { SubscriptionItem } from '@mqtt-cluster/api';
import type {
  StatePage,
  StateView,
  SubscriptionCursor,
  SubscriptionInfo,
  SubscriptionScope,
} from '@mqtt-cluster/contracts';

/** Kind of the question for the subscriptions to a filter, or for a topic, that only the home of a clean session has. */
export const subscriptionsQuestion = 'api.subscriptions';
/** The same for the list of all subscriptions. A version without this kind would answer with an empty list. */
export const allSubscriptionsQuestion = 'api.subscriptions.all';

/** Bytes of the answer to a peer, which must be below 256 KiB. */
const answerBytesMax = 200 * 1024;
const itemBytes = 150;

/**
 * Sessions and subscriptions that a page of the list of all subscriptions examines at each member, which takes a few
 * milliseconds. The page may be short, and its cursor continues the scan.
 */
const examinedMax = 2_000;

/** At most one of `filter` and `topic` is set; without them, all subscriptions are wanted. */
export interface SubscriptionWanted {
  readonly filter?: string | undefined;
  readonly topic?: string | undefined;
}

export interface SubscriptionQuestion extends SubscriptionWanted {
  readonly after: SubscriptionCursor | null;
  readonly limit: number;
}

export type Listing = StatePage<SubscriptionItem, SubscriptionCursor>;

/** Answers both questions: the subscriptions that only this home has. */
export function homeSubscriptions(view: StateView, body: unknown): Listing {
  const { items, next } = readSubscriptions(view, body as SubscriptionQuestion, 'home');
  let bytes = 0;
  const fitting = items.filter(
    ({ client, filter }) =>
      (bytes += Buffer.byteLength(client) + Buffer.byteLength(filter) + itemBytes) <= answerBytesMax,
  );
  return { items: fitting, next: fitting.length < items.length ? cursorOf(fitting.at(-1)!) : next };
}

/** Reads the subscriptions that this member has. */
export function readSubscriptions(
  view: StateView,
  { filter, topic, after, limit }: SubscriptionQuestion,
  scope: SubscriptionScope,
): Listing {
  if (topic !== undefined) return listingOf(view.subscribersOf(topic, after, limit, scope));
  if (filter !== undefined) return listingOf(view.subscriptionsOf(filter, after, limit, scope));
  return listingOf(view.subscriptionsAfter(after, limit, examinedMax, scope));
}

function listingOf({ items, next }: StatePage<SubscriptionInfo, SubscriptionCursor>): Listing {
  return { items: items.map(itemOf), next };
}

function itemOf({ client, subscription, shared, connected, home }: SubscriptionInfo): SubscriptionItem {
  const { filter, qos } = subscription;
  return { client, filter, qos, shared, connected, member: connected ? home : null };
}

/** Returns the position of an item. */
export function cursorOf({ client, filter }: SubscriptionCursor): SubscriptionCursor {
  return { client, filter };
}
