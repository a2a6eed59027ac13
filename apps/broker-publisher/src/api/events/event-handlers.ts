import { streamSecondsDefault } from '@mqtt-cluster/api';
import { z } from 'zod';
import type { ClusterQueries, RecordedEvent, TraceItem } from '../../queries/index.ts';
import { ApiProblem } from '../http/api-problem.ts';
import { decodeCursor, encodeCursor } from '../http/cursor.ts';
import { eventStream } from '../http/event-stream.ts';
import type { StreamEvent } from '../http/event-stream.ts';
import { union } from '../http/gaps.ts';
import type { ApiHandlers } from '../http/handler.ts';

/** Position after an event: its time, and the events of this millisecond that were shown. */
const cursorSchema = z.object({ atMs: z.number(), shown: z.int().min(0).max(1_000) });

/** Returns the handlers of the operations on events and traces. */
export function eventHandlers(
  queries: Pick<ClusterQueries, 'events'>,
  traces: Pick<ClusterQueries, 'trace'>,
): ApiHandlers<'listEvents' | 'trace'> {
  return {
    listEvents: async ({ query: { client, limit, after } }) => {
      const position = decodeCursor(cursorSchema, after);
      const shown = position?.shown ?? 0;
      const answered = await queries.events({
        ...(client !== undefined && { client }),
        // Events of the same millisecond may continue on the next page.
        ...(position !== null && { beforeMs: position.atMs + 1 }),
        limit: limit + shown + 1,
      });
      const skipped = answered.events.filter(
        (event, index) => event.atMs !== position?.atMs || index >= shown,
      );
      const events = skipped.slice(0, limit);
      const next = skipped.length > limit ? encodeCursor(positionAfter(events, position)) : null;
      return { events, next, ...union(answered) };
    },
    trace: async ({ query: { client, topic, address, seconds, payload }, exchange }) => {
      const ended = new AbortController();
      exchange.response.once('close', () => ended.abort());
      const filter = {
        ...(client !== undefined && { client }),
        ...(topic !== undefined && { topic }),
        ...(address !== undefined && { address }),
        seconds: seconds ?? streamSecondsDefault,
        payload: payload ?? false,
      };
      const trace = await traces.trace(filter, ended.signal);
      if ('code' in trace) throw new ApiProblem(trace.code, trace.reason, { later: true });
      return eventStream(streamOf(trace));
    },
  };
}

function positionAfter(
  events: readonly RecordedEvent[],
  before: z.output<typeof cursorSchema> | null,
): z.output<typeof cursorSchema> {
  const { atMs } = events.at(-1)!;
  const shown = events.filter((event) => event.atMs === atMs).length;
  return { atMs, shown: before?.atMs === atMs ? before.shown + shown : shown };
}

async function* streamOf(trace: AsyncIterable<TraceItem>): AsyncGenerator<StreamEvent> {
  for await (const item of trace) {
    if (item.kind === 'line') yield { data: item.line };
    else {
      const { kind, ...data } = item;
      yield { event: kind, data };
    }
  }
}
