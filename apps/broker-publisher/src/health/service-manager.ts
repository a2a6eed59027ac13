import type { Logger, MemberStatus, Notifier } from '@mqtt-cluster/contracts';

const statusIntervalMs = 1_000;
/** Once ready, the status is for people to read. */
const readyStatusIntervals = 5;
/** While it catches up a start gets so much more time, told every second. */
const startExtensionMs = 10_000;

export interface ServiceManagerComponents {
  readonly notifier: Notifier;
  readonly logger: Logger;
  readonly status: () => MemberStatus;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Publishes to itself; see `Loopback`. */
  readonly loopback: { readonly answeredAtMs: number; ask(): void; stop(): void };
}

/**
 * What systemd hears: READY once this member has caught up, a line of status, and that it is alive: only while its event
 * loop turns and what it publishes to itself comes back within the interval.
 */
export class ServiceManager {
  readonly #components: ServiceManagerComponents;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #ready = false;
  #silent = false;
  #passed = 0;
  #toldState = '';
  #appliedBefore = -1;

  constructor(components: ServiceManagerComponents) {
    this.#components = components;
  }

  start(): void {
    const { watchdogIntervalMs } = this.#components.notifier;
    this.#timers.push(setInterval(() => this.tell(), statusIntervalMs));
    if (watchdogIntervalMs === null) return;
    const everyMs = Math.max(1, Math.floor(watchdogIntervalMs / 2));
    this.#timers.push(setInterval(() => this.feed(watchdogIntervalMs), everyMs));
  }

  /** The end may take longer than a watchdog waits; systemd has a time-out of its own for it. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#components.loopback.stop();
    void this.#components.notifier.stopping();
  }

  /** Once a second. */
  tell(): void {
    const { notifier, logger, status } = this.#components;
    const { state, reason, connections, lastIndex, appliedIndex } = status();
    if (!this.#ready && (state === 'serving' || state === 'isolated')) {
      this.#ready = true;
      logger.info({ state }, 'ready');
      void notifier.ready();
    }
    // Only for who gets somewhere: one that hangs is to be noticed.
    if (!this.#ready && appliedIndex !== this.#appliedBefore) void notifier.extendStart(startExtensionMs);
    this.#appliedBefore = appliedIndex;
    const quiet = this.#ready && state === this.#toldState && ++this.#passed % readyStatusIntervals !== 0;
    if (quiet) return;
    this.#toldState = state;
    const progress = this.#ready ? `${connections} clients` : `${appliedIndex} of ${lastIndex} entries`;
    void notifier.status(`${state}${reason === '' ? '' : `: ${reason}`}; ${progress}`);
  }

  /** Twice an interval. */
  feed(intervalMs: number): void {
    const { notifier, logger, now, loopback } = this.#components;
    const silentMs = now() - loopback.answeredAtMs;
    if (silentMs <= intervalMs) {
      this.#silent = false;
      void notifier.watchdog();
    } else if (!this.#silent) {
      this.#silent = true;
      logger.error(
        { silentMs: Math.round(silentMs) },
        'what this member publishes to itself does not come back: the watchdog is not fed',
      );
    }
    loopback.ask();
  }
}
