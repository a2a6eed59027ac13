/** The parts of the browser that a poll uses. Tests replace them. */
export interface PollEnvironment {
  readonly setTimer: (run: () => void, delayMs: number) => number;
  readonly clearTimer: (timer: number) => void;
  readonly isHidden: () => boolean;
  /** Calls `run` when the page becomes visible or hidden. Returns a function that ends this. */
  readonly onVisibility: (run: () => void) => () => void;
}

export interface PollOptions {
  readonly everyMs: number;
  /** Asks once. A rejected promise counts as a failure. */
  readonly ask: (signal: AbortSignal) => Promise<void>;
  /** Called after a failure with the delay until the next attempt. */
  readonly onFailure?: (error: unknown, retryInMs: number) => void;
}

const backOffFactor = 2;
const retryMsMax = 30_000;

/** Returns the delay before the next attempt after a number of failures in a row, at most 30 s. */
export function retryDelayMs(everyMs: number, failures: number): number {
  return Math.min(everyMs * backOffFactor ** failures, Math.max(retryMsMax, everyMs));
}

/**
 * Asks again and again: every `everyMs` after an answer, later after failures, and never while the page is hidden. A page
 * that becomes visible asks at once. At most one request is open.
 */
export class Poll {
  readonly #options: PollOptions;
  readonly #environment: PollEnvironment;
  readonly #endVisibility: () => void;
  #timer: number | null = null;
  #open: AbortController | null = null;
  #failures = 0;
  #isStopped = false;

  constructor(options: PollOptions, environment: PollEnvironment) {
    this.#options = options;
    this.#environment = environment;
    this.#endVisibility = environment.onVisibility(() => this.#visibilityChanged());
    this.now();
  }

  /** Asks now, also if an attempt is planned for later. A request that is open goes on. */
  now(): void {
    if (this.#isStopped || this.#open !== null) return;
    this.#clear();
    const controller = new AbortController();
    this.#open = controller;
    this.#options.ask(controller.signal).then(
      () => this.#answered(controller),
      (error: unknown) => this.#failed(controller, error),
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#clear();
    this.#endVisibility();
    this.#open?.abort();
    this.#open = null;
  }

  #answered(controller: AbortController): void {
    if (this.#open !== controller) return;
    this.#open = null;
    this.#failures = 0;
    this.#plan(this.#options.everyMs);
  }

  #failed(controller: AbortController, error: unknown): void {
    if (this.#open !== controller) return;
    this.#open = null;
    this.#failures += 1;
    const delayMs = retryDelayMs(this.#options.everyMs, this.#failures);
    this.#options.onFailure?.(error, delayMs);
    this.#plan(delayMs);
  }

  #plan(delayMs: number): void {
    if (this.#isStopped || this.#environment.isHidden()) return;
    this.#timer = this.#environment.setTimer(() => {
      this.#timer = null;
      this.now();
    }, delayMs);
  }

  #visibilityChanged(): void {
    if (this.#environment.isHidden()) this.#clear();
    else this.now();
  }

  #clear(): void {
    if (this.#timer !== null) this.#environment.clearTimer(this.#timer);
    this.#timer = null;
  }
}
