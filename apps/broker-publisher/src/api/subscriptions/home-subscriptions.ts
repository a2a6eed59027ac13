import type { SubscriptionItem } from '@mqtt-cluster/api';
import type {
  StatePage,
  StateView,
  SubscriptionCursor,
  SubscriptionInfo,
  SubscriptionScope,
} from '@mqtt-cluster/contracts';

/** Kind of the question for the subscriptions that only the home of a clean session has. */
export const subscriptionsQuestion = 'api.subscriptions';

/** Bytes of the answer to a peer, which must be below 256 KiB. */
const answerBytesMax = 200 * 1024;
const itemBytes = 150;

/** Exactly one of `filter` and `topic` is set. */
export interface SubscriptionWanted {
  readonly filter?: string | undefined;
  readonly topic?: string | undefined;
}

export interface SubscriptionQuestion extends SubscriptionWanted {
  readonly after: SubscriptionCursor | null;
  readonly limit: number;
}

export type Listing = StatePage<SubscriptionItem, SubscriptionCursor>;

/** Answers the question: the subscriptions that only this home has. */
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
  const { items, next } =
    topic === undefined
      ? view.subscriptionsOf(filter!, after, limit, scope)
      : view.subscribersOf(topic, after, limit, scope);
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
