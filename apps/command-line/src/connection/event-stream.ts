import { CommandError } from '../program/errors.ts';

/** Characters of one event. A trace with payloads has the largest events. */
const eventLengthMax = 4 * 1024 * 1024;

/** Receives an event that has a name. It is about the stream itself and is no item of it. */
export type OnNamedEvent = (name: string, data: unknown) => void;

/**
 * Yields the data of each event without a name of a stream of server-sent events, as JSON values. Comments are skipped.
 *
 * @throws CommandError the stream has broken, or an event named `error` ended it
 */
export async function* eventsOf<Item>(
  body: ReadableStream<Uint8Array>,
  onNamed: OnNamedEvent,
): AsyncGenerator<Item> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body) {
      rest += decoder.decode(chunk, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? '';
      if (rest.length > eventLengthMax) throw new CommandError('the server sent an event that is too large');
      for (const block of blocks) {
        const event = eventOf(block);
        if (event === null) continue;
        if (event.name === undefined) yield event.data as Item;
        else onNamed(event.name, event.data);
      }
    }
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw new CommandError('the server closed the stream before its end', { cause });
  }
}

function eventOf(block: string): { readonly name: string | undefined; readonly data: unknown } | null {
  const lines = block.split(/\r?\n/);
  const values = (field: string): string[] =>
    lines
      .filter((line) => line.startsWith(`${field}:`))
      .map((line) => line.slice(field.length + 1).trimStart());
  const data = values('data');
  if (data.length === 0) return null;
  const value: unknown = JSON.parse(data.join('\n'));
  const [name] = values('event');
  if (name !== 'error') return { name, data: value };
  throw new CommandError(
    (value as { detail?: string }).detail ?? 'the server ended the stream with an error',
  );
}
