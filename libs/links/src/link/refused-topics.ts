import { createHash } from 'node:crypto';

/** Time for which a refusal of a topic is final after the last message of this topic that was dropped, ms. */
const refusedMs = 600_000;
/** Topics that are remembered. The oldest one is forgotten beyond it, which costs one series of attempts. */
export const refusedTopicsMax = 1_000;

/**
 * Topics of which a message was dropped after all of its attempts. The next messages of such a topic have one attempt each,
 * so that a topic that is always refused does not block the others for minutes with each of its messages.
 */
export class RefusedTopics {
  readonly #now: () => number;
  /** Times of the last drops, by digest: a topic may have 64 KiB. The oldest time is the first one. */
  readonly #drops = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  has(topic: string): boolean {
    if (this.#drops.size === 0) return false;
    const droppedAtMs = this.#drops.get(digestOf(topic));
    return droppedAtMs !== undefined && this.#now() - droppedAtMs < refusedMs;
  }

  onDropped(topic: string): void {
    const digest = digestOf(topic);
    this.#drops.delete(digest);
    this.#drops.set(digest, this.#now());
    if (this.#drops.size <= refusedTopicsMax) return;
    const [oldest = ''] = this.#drops.keys();
    this.#drops.delete(oldest);
  }

  onAccepted(topic: string): void {
    if (this.#drops.size > 0) this.#drops.delete(digestOf(topic));
  }
}

function digestOf(topic: string): string {
  return createHash('sha1').update(topic).digest('base64');
}
