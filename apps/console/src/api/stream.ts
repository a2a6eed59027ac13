import { signedOut } from './authorization.ts';
import { EventStreamParser } from './event-stream.ts';
import type { StreamEvent } from './event-stream.ts';
import { isAborted, problemError, unreachableError } from './problem.ts';
import { apiPrefix, ownHeaders } from './transport.ts';

/**
 * Reads a `text/event-stream` until it ends or the signal aborts. Unlike `EventSource` it does not start again by itself,
 * and it reports the sentence of a refusal.
 *
 * @throws ApiError if the member refuses the stream, or the connection is lost
 */
export async function readStream(
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
  onEvent: (event: StreamEvent) => void,
): Promise<void> {
  try {
    const response = await fetch(`${apiPrefix}${path}?${new URLSearchParams(query)}`, {
      headers: { ...ownHeaders, accept: 'text/event-stream' },
      signal,
    });
    if (!response.ok || response.body === null) {
      if (response.status === 401) signedOut();
      const problem: unknown = await response.json().catch(() => null);
      throw problemError(response.status, problem);
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventStreamParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of parser.push(value)) onEvent(event);
    }
  } catch (error) {
    if (isAborted(error) && signal.aborted) return;
    throw error instanceof TypeError ? unreachableError(error) : error;
  }
}
