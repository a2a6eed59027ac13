/** A message that Aedes emits to itself. Clients do not subscribe through Aedes. */
interface EmitterMessage {
  readonly topic: string;
  readonly payload?: unknown;
}

type EmitterListener = (message: EmitterMessage, done: () => void) => void;

/** Bound of the messages that wait for a listener. {@link BoundedEmitter.emit} rejects further messages. */
const backlogMessagesMax = 100_000;

/** Number of delivered messages at the head of the queue from which on the queue is compacted. */
const compactionThreshold = 10_000;

interface QueuedMessage {
  readonly message: EmitterMessage;
  readonly callback: ((error?: Error) => void) | undefined;
}

/**
 * The `mq` of Aedes, with the interface of the npm package mqemitter. Delivers one message at a time, in
 * order, and has a bounded queue. A loop delivers the queue: the unmodified mqemitter recurses, and a long
 * queue overflows the call stack and ends the process. Messages of clients do not pass through this emitter,
 * because the member routes them.
 */
export class BoundedEmitter {
  readonly #listeners = new Map<string, Set<EmitterListener>>();
  /** Delivered messages at the head are undefined: their small payloads would keep large buffers of Node in memory. */
  #queue: (QueuedMessage | undefined)[] = [];
  /** Index of the first undelivered message. To increment an index costs less than to shift the array. */
  #head = 0;
  readonly concurrent = 1;
  /** Messages that were emitted and not delivered yet. */
  current = 0;
  closed = false;
  #running = false;

  on(filter: string, listener: EmitterListener, callback?: () => void): this {
    const listeners = this.#listeners.get(filter);
    if (listeners) listeners.add(listener);
    else this.#listeners.set(filter, new Set([listener]));
    if (callback) setImmediate(callback);
    return this;
  }

  removeListener(filter: string, listener: EmitterListener, callback?: () => void): this {
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

  emit(message: EmitterMessage, callback?: (error?: Error) => void): this {
    if (this.closed || this.current >= backlogMessagesMax) {
      callback?.(new Error(this.closed ? 'the emitter is closed' : 'the backlog of the emitter is full'));
      return this;
    }
    this.current++;
    this.#queue.push({ message, callback });
    this.#run();
    return this;
  }

  close(callback: () => void): this {
    this.closed = true;
    this.#listeners.clear();
    setImmediate(callback);
    return this;
  }

  /**
   * A listener that finishes synchronously lets the loop continue. A listener that finishes later restarts
   * the loop.
   */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    for (;;) {
      const next = this.#queue[this.#head];
      if (!next) break;
      if (!this.#deliver(next)) return;
    }
    this.#running = false;
  }

  /** Returns whether all listeners finished synchronously. */
  #deliver(queued: QueuedMessage): boolean {
    const matching = this.#matching(queued.message.topic);
    let left = matching.length + 1;
    let returned = false;
    const done = (): void => {
      left--;
      if (left > 0) return;
      this.current--;
      this.#queue[this.#head++] = undefined;
      if (this.#head >= compactionThreshold) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      if (queued.callback) setImmediate(queued.callback);
      if (!returned) return;
      this.#running = false;
      this.#run();
    };
    for (const listener of matching) listener.call(this, queued.message, done);
    done();
    returned = true;
    return left === 0;
  }

  #matching(topic: string): EmitterListener[] {
    const found: EmitterListener[] = [];
    const levels = topic.split('/');
    for (const [filter, listeners] of this.#listeners) {
      if (matches(filter.split('/'), levels)) found.push(...listeners);
    }
    return found;
  }
}

/**
 * Matches by [MQTT-4.7.1-2, MQTT-4.7.1-3]. Wildcards also match `$` topics, because Aedes listens to its own
 * `$SYS` topics.
 */
function matches(filter: readonly string[], topic: readonly string[]): boolean {
  for (const [index, level] of filter.entries()) {
    if (level === '#') return true;
    if (index >= topic.length) return false;
    if (level !== '+' && level !== topic[index]) return false;
  }
  return filter.length === topic.length;
}
