import type { ApiHandlers } from '../http/handler.ts';
import type { SubscriptionsReader } from './subscriptions-reader.ts';

/** Returns the handlers of the operations on subscriptions. */
export function subscriptionHandlers(reader: SubscriptionsReader): ApiHandlers<'listSubscriptions'> {
  return {
    listSubscriptions: ({ query: { limit, after, ...wanted } }) => reader.list(wanted, limit, after),
  };
}
