import { TokenBucket } from '@mqtt-cluster/contracts';
import type { After } from './back-off.ts';

/** Time in which the bucket fills, seconds. A longer one lets a larger burst follow a pause. */
const burstSeconds = 0.1;
/** Least time until the next look at the bucket, ms. A shorter one costs more timers at high rates. */
const waitMsMin = 10;

/**
 * Bounds the messages that a link sends in a second: a token bucket that holds the messages of {@link burstSeconds}, and at
 * least one. It never owes tokens, so a refused message does not delay the ones after it.
 */
export class SendRate {
  /** Null: no bound. */
  readonly #bucket: TokenBucket | null;
  readonly #now: () => number;
  readonly #after: After;
  #cancel: (() => void) | null = null;

  /** @param perSecondMax messages a second; undefined: no bound */
  constructor(perSecondMax: number | undefined, now: () => number, after: After) {
    this.#bucket =
      perSecondMax === undefined
        ? null
        : new TokenBucket(perSecondMax, Math.max(1, perSecondMax * burstSeconds));
    this.#now = now;
    this.#after = after;
  }

  /** Takes the token of one message. Returns false, and takes nothing, if there is none. */
  tryTake(): boolean {
    return this.#bucket?.tryTake(this.#now()) ?? true;
  }

  /**
   * Returns false if the link may send a message now. Otherwise it calls back once when there may be a token again; a further
   * call before that adds no second callback.
   */
  mustWait(run: () => void): boolean {
    const tokenMs = this.#bucket?.tokenMs(this.#now()) ?? 0;
    if (tokenMs === 0) {
      this.cancel();
      return false;
    }
    this.#cancel ??= this.#after(Math.max(waitMsMin, tokenMs), () => {
      this.#cancel = null;
      run();
    });
    return true;
  }

  /** True while a message waits for a token. One that may be dropped must not take it. */
  get isAwaited(): boolean {
    return this.#cancel !== null;
  }

  /** Ends a wait. */
  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
