/** What Aedes emits: its own announcements, for no client of ours subscribes through it. */
export interface RouterMessage {
  readonly topic: string;
  readonly payload?: unknown;
}

export type RouterListener = (message: RouterMessage, done: () => void) => void;

/** Messages waiting while listeners are at work; one more is refused. */
const backlogMessagesMax = 100_000;

/** Messages that are done before the queue is moved up. */
const compactedEach = 10_000;

interface Waiting {
  readonly message: RouterMessage;
  readonly callback: ((error?: Error) => void) | undefined;
}

/**
 * The `mq` given to Aedes (the interface of npm's mqemitter): one message at a time and in order, by a loop
 * instead of recursion, and with a bound. Clients' messages never come here; the member routes them.
 */
export class Router {
  readonly #listeners = new Map<string, Set<RouterListener>>();
  #waiting: Waiting[] = [];
  /** Where the queue begins: moving it up costs less than shifting the array. */
  #head = 0;
  readonly concurrent = 1;
  /** Messages that have been emitted and are not yet done. */
  current = 0;
  closed = false;
  #running = false;

  on(filter: string, listener: RouterListener, callback?: () => void): this {
    const listeners = this.#listeners.get(filter);
    if (listeners) listeners.add(listener);
    else this.#listeners.set(filter, new Set([listener]));
    if (callback) setImmediate(callback);
    return this;
  }

  removeListener(filter: string, listener: RouterListener, callback?: () => void): this {
    const listeners = this.#listeners.get(filter);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(filter);
    if (callback) setImmediate(callback);
    return this;
  }

  removeAllListeners(filter: string, callback?: () => void): this {
    this.#listeners.delete(filter);
    if (callback) setImmediate(callback);
    return this;
  }

  emit(message: RouterMessage, callback?: (error?: Error) => void): this {
    if (this.closed || this.current >= backlogMessagesMax) {
      callback?.(new Error(this.closed ? 'router is closed' : 'router backlog is full'));
      return this;
    }
    this.current++;
    this.#waiting.push({ message, callback });
    this.#run();
    return this;
  }

  close(callback: () => void): this {
    this.closed = true;
    this.#listeners.clear();
    setImmediate(callback);
    return this;
  }

  /** A listener that is done at once lets the loop go on; a later one starts it again. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    for (;;) {
      const next = this.#waiting[this.#head];
      if (!next) break;
      if (!this.#deliver(next)) return;
    }
    this.#running = false;
  }

  /** @returns true when all listeners were done before it returned. */
  #deliver(waiting: Waiting): boolean {
    const matching = this.#matching(waiting.message.topic);
    let left = matching.length + 1;
    let returned = false;
    const done = (): void => {
      left--;
      if (left > 0) return;
      this.current--;
      this.#head++;
      if (this.#head >= compactedEach) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      if (waiting.callback) setImmediate(waiting.callback);
      if (!returned) return;
      this.#running = false;
      this.#run();
    };
    for (const listener of matching) listener.call(this, waiting.message, done);
    done();
    returned = true;
    return left === 0;
  }

  #matching(topic: string): RouterListener[] {
    const found: RouterListener[] = [];
    const levels = topic.split('/');
    for (const [filter, listeners] of this.#listeners) {
      if (matches(filter.split('/'), levels)) found.push(...listeners);
    }
    return found;
  }
}

/** [MQTT-4.7.1-2, MQTT-4.7.1-3]; `$` topics included, for Aedes listens to its own. */
function matches(filter: readonly string[], topic: readonly string[]): boolean {
  for (const [index, level] of filter.entries()) {
    if (level === '#') return true;
    if (index >= topic.length) return false;
    if (level !== '+' && level !== topic[index]) return false;
  }
  return filter.length === topic.length;
}
