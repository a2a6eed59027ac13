/** One event of a `text/event-stream` [HTML, "Server-sent events"]. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/** Longest text without a line end, so that a broken stream can't fill the memory. */
const pendingMax = 4 * 1024 * 1024;

/** Parses a `text/event-stream` that arrives in pieces. */
export class EventStreamParser {
  #pending = '';
  #event = '';
  #data: string[] = [];

  /** Returns the events that the piece completes. @throws Error if a line is longer than 4 MiB */
  push(piece: string): StreamEvent[] {
    this.#pending += piece;
    const events: StreamEvent[] = [];
    const lines = this.#pending.split(/\r\n|\n|\r(?!$)/);
    this.#pending = lines.pop() ?? '';
    if (this.#pending.length > pendingMax) throw new Error('The stream has a line of more than 4 MiB.');
    for (const line of lines) {
      const event = this.#line(line);
      if (event !== null) events.push(event);
    }
    return events;
  }

  #line(line: string): StreamEvent | null {
    if (line === '') {
      const event = { event: this.#event === '' ? 'message' : this.#event, data: this.#data.join('\n') };
      const isEmpty = this.#data.length === 0;
      this.#event = '';
      this.#data = [];
      return isEmpty ? null : event;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    return null;
  }
}
