import type { Logger, Notifier } from '@mqtt-cluster/contracts';

const intervalMs = 1_000;
/** After READY the status line is updated only in every fifth call of `report`. */
const readyIntervals = 5;

export interface ServiceNotifierComponents {
  readonly notifier: Notifier;
  readonly logger: Logger;
  readonly status: () => { readonly connected: boolean; readonly text: string };
}

/**
 * Reports to systemd: READY after the first connection, a status line, and watchdog notifications while the event loop
 * runs. A lost connection is only shown in the status: the failover client reconnects, and a restart would not help.
 */
export class ServiceNotifier {
  readonly #components: ServiceNotifierComponents;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #ready = false;
  #intervals = 0;

  constructor(components: ServiceNotifierComponents) {
    this.#components = components;
  }

  start(): void {
    const { notifier } = this.#components;
    this.#timers.push(setInterval(() => this.report(), intervalMs));
    if (notifier.watchdogIntervalMs === null) return;
    this.#timers.push(setInterval(() => void notifier.watchdog(), notifier.watchdogIntervalMs));
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    void this.#components.notifier.stopping();
  }

  /** Sends READY or the status line if due. Called once a second. */
  report(): void {
    const { notifier, logger, status } = this.#components;
    const { connected, text } = status();
    if (connected && !this.#ready) {
      this.#ready = true;
      logger.info({}, 'ready');
      void notifier.ready();
    } else if (this.#ready && ++this.#intervals % readyIntervals !== 0) return;
    void notifier.status(text);
  }
}
