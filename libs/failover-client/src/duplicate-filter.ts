import { createHash } from 'node:crypto';
import type { IncomingMessage } from './types.ts';

/** Remembers identities for a bounded time and number, to tell the second copy from the first. */
export class DuplicateFilter {
  readonly #rememberedMax: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  /** By time of the first copy, oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(rememberedMax: number, windowMs: number, now: () => number) {
    this.#rememberedMax = rememberedMax;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** @returns true for the first copy within the window. */
  first(identity: string): boolean {
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
 * Topic and payload. Two equal messages within the window pass for one: give `identify` where that matters.
 */
export function identifyByContent(message: IncomingMessage): string {
  const digest = createHash('sha256').update(message.payload).digest('base64');
  return `${message.retain ? 'retained' : 'live'} ${digest} ${message.topic}`;
}
