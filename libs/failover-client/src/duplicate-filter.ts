import { createHash } from 'node:crypto';
import type { IncomingMessage } from './types.ts';

/** Recognizes the second copy of a message. It remembers a bounded number of identities for a bounded time. */
export class DuplicateFilter {
  readonly #rememberedMax: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  /** By identity: the time of the first copy in milliseconds. The oldest is first. */
  readonly #seen = new Map<string, number>();

  constructor(rememberedMax: number, windowMs: number, now: () => number) {
    this.#rememberedMax = rememberedMax;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** @returns true if no message with this identity was received within the window */
  isFirst(identity: string): boolean {
    const nowMs = this.#now();
    for (const [oldest, atMs] of this.#seen) {
      if (this.#seen.size <= this.#rememberedMax && nowMs - atMs < this.#windowMs) break;
      this.#seen.delete(oldest);
    }
    if (this.#seen.has(identity)) return false;
    this.#seen.set(identity, nowMs);
    return true;
  }
}

/**
 * The default identity of a message: topic, payload and retain flag. Two equal messages within the window
 * count as copies of one message. A client that must receive both needs the option `identify`.
 */
export function identifyByContent(message: IncomingMessage): string {
  const digest = createHash('sha256').update(message.payload).digest('base64');
  return `${message.retain ? 'retained' : 'live'} ${digest} ${message.topic}`;
}
