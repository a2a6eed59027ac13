/** How late the event loop comes to its timers when nothing more can be asked of it, ms. */
const delayFullMs = 500;
/** Commands of this home that the cluster has not applied: beyond it clients wait for seconds. */
const pendingFull = 20_000;
/** Weight of the newest sample, one a second: one late second is no overload. */
const sampleWeight = 0.3;
const step = 0.1;

/** Apart, so that a member at the edge does not change its mind every second. */
const redirectFrom = 0.8;
const redirectUntil = 0.6;
const refuseFrom = 0.95;
const refuseUntil = 0.8;

export type Admission = 'all' | 'redirect' | 'refuse';

export interface LoadSample {
  /** How late the event loop came to a timer, ms. */
  readonly delayMs: number;
  readonly clients: number;
  readonly clientsMax: number;
  readonly pendingCommands: number;
}

/** How busy this member is: the worst of its event loop, its clients and what waits for the cluster. */
export class LoadMeter {
  #delay = 0;
  #load = 0;
  #admission: Admission = 'all';

  /** 0 idle to 1 overloaded, in steps of a tenth. */
  get load(): number {
    return Math.round(this.#load / step) / Math.round(1 / step);
  }

  /** Whom a member this busy takes; with hysteresis. */
  get admission(): Admission {
    return this.#admission;
  }

  /** Once a second. */
  sample({ delayMs, clients, clientsMax, pendingCommands }: LoadSample): void {
    this.#delay += (Math.min(1, delayMs / delayFullMs) - this.#delay) * sampleWeight;
    const busy = Math.max(this.#delay, Math.min(1, pendingCommands / pendingFull));
    this.#load = Math.max(busy, Math.min(1, clients / clientsMax));
    this.#admission = this.#next(busy);
  }

  /** The number of clients alone refuses nobody: its own bound does. */
  #next(busy: number): Admission {
    const was = this.#admission;
    if (busy >= refuseFrom || (was === 'refuse' && busy > refuseUntil)) return 'refuse';
    return this.#load >= redirectFrom || (was !== 'all' && this.#load > redirectUntil) ? 'redirect' : 'all';
  }
}
