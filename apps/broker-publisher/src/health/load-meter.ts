/** Event loop delay that counts as full load, ms. */
const delayFullMs = 500;
/**
 * Number of this home's unapplied commands that counts as full load: with this number of commands clients wait
 * for seconds.
 */
const pendingFull = 20_000;
/**
 * Weight of the newest sample in the mean delay. A sample is taken once a second; one slow second is no
 * overload.
 */
const sampleWeight = 0.3;
/** Resolution of the reported load. */
const step = 0.1;

/**
 * Loads at which the admission changes. Each admission begins at a higher load than the load at which it
 * ends (hysteresis), so that the admission does not change every second.
 */
const redirectFrom = 0.8;
const redirectUntil = 0.6;
const refuseFrom = 0.95;
const refuseUntil = 0.8;

/**
 * What happens to new clients: all are accepted, clients that support redirection are redirected, or all are
 * rejected.
 */
export type Admission = 'all' | 'redirect' | 'refuse';

export interface LoadSample {
  /** Event loop delay, ms. */
  readonly delayMs: number;
  readonly clients: number;
  readonly clientsMax: number;
  readonly pendingCommands: number;
}

/**
 * Computes the load of this member: the highest of the loads of its event loop, its client connections and
 * its pending commands.
 */
export class LoadMeter {
  #delay = 0;
  #load = 0;
  #admission: Admission = 'all';

  /** Load of this member from 0 (idle) to 1 (overloaded), in steps of 0.1. */
  get load(): number {
    return Math.round(this.#load / step) / Math.round(1 / step);
  }

  /** Admission of new clients at this load, with hysteresis. */
  get admission(): Admission {
    return this.#admission;
  }

  /** Updates load and admission. Called once a second. */
  sample({ delayMs, clients, clientsMax, pendingCommands }: LoadSample): void {
    this.#delay += (Math.min(1, delayMs / delayFullMs) - this.#delay) * sampleWeight;
    const busy = Math.max(this.#delay, Math.min(1, pendingCommands / pendingFull));
    this.#load = Math.max(busy, Math.min(1, clients / clientsMax));
    this.#admission = this.#next(busy);
  }

  /** The number of clients alone never leads to `refuse`: the broker enforces `clientsMax` itself. */
  #next(busy: number): Admission {
    const before = this.#admission;
    if (busy >= refuseFrom || (before === 'refuse' && busy > refuseUntil)) return 'refuse';
    const redirects = this.#load >= redirectFrom || (before !== 'all' && this.#load > redirectUntil);
    return redirects ? 'redirect' : 'all';
  }
}
