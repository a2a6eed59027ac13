/**
 * Pause between two steps, ms. The clients of a member that has just started do not wait for more than one step. A longer
 * pause makes the whole run longer.
 */
const pauseMs = 50;

/** Runs the steps of a costly task, each in a turn of the event loop of its own. */
export class PacedSteps {
  readonly #steps: Iterator<unknown>;
  #timer: NodeJS.Timeout | null = null;

  constructor(steps: Iterable<unknown>) {
    this.#steps = steps[Symbol.iterator]();
  }

  /** Starts the first step after a pause. The run does not keep the process alive. */
  start(): void {
    this.#timer = setTimeout(() => {
      if (this.#steps.next().done !== true) this.start();
    }, pauseMs);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
