import { ApiProblem } from '../http/api-problem.ts';
import type { ApiHandlers } from '../http/handler.ts';
import type { RetainedReader } from './retained-reader.ts';

const reservedPrefix = '$cluster/';

export interface RetainedHandlersOptions {
  readonly retained: RetainedReader;
  /** Deletes the retained messages of these topics. @throws ApiProblem */
  readonly clear: (topics: readonly string[]) => Promise<number>;
}

type Ids = 'listRetained' | 'getRetainedMessage' | 'deleteRetainedMessage' | 'deleteRetained';

/** Returns the handlers of the operations on retained messages. */
export function retainedHandlers({ retained, clear }: RetainedHandlersOptions): ApiHandlers<Ids> {
  return {
    listRetained: ({ query: { filter = '#', limit, after } }) => retained.list(filter, limit, after),
    getRetainedMessage: ({ query }) => retained.read(query.topic),
    deleteRetainedMessage: async ({ query: { topic } }) => {
      refuseReserved(topic);
      if (!retained.has(topic)) return { deleted: false };
      return { deleted: (await clear([topic])) > 0 };
    },
    deleteRetained: async ({ query: { filter, dryRun, limit = Infinity, after } }) => {
      refuseReserved(filter);
      let matched = 0;
      let cursor: string | null = null;
      // All topics are known before the first deletion changes the state.
      const found: string[] = [];
      for await (const { topics, next } of retained.topics(filter, limit, after)) {
        matched += topics.length;
        cursor = next;
        if (!dryRun) found.push(...topics);
      }
      const deleted = dryRun ? 0 : await clear(found);
      return { matched, deleted, dryRun, next: cursor };
    },
  };
}

/**
 * Refuses the deletion of topics that members use between themselves, such as the definitions of links: each has an operation
 * of its own, with a role of its own.
 *
 * @throws ApiProblem
 */
function refuseReserved(filter: string): void {
  if (filter !== reservedPrefix.slice(0, -1) && !filter.startsWith(reservedPrefix)) return;
  throw new ApiProblem(
    400,
    `messages below ${reservedPrefix} are not deleted here: use the command for links`,
  );
}
