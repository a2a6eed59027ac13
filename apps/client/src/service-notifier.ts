import type { Logger, Notifier } from '@mqtt-cluster/contracts';

const intervalMs = 1_000;
/** Once ready, the status is for people to read. */
const readyIntervals = 5;

export interface ServiceManagerComponents {
  readonly notifier: Notifier;
  readonly logger: Logger;
  readonly status: () => { readonly connected: boolean; readonly text: string };
}

/**
 * What systemd hears: READY once there is a connection, a line of status, and that the event loop turns. Whether a server
 * answers is the failover client's business: a restart would not find another one.
 */
export class ServiceManager {
  readonly #components: ServiceManagerComponents;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #ready = false;
  #passed = 0;

  constructor(components: ServiceManagerComponents) {
    this.#components = components;
  }

  start(): void {
    const { notifier } = this.#components;
    this.#timers.push(setInterval(() => this.tell(), intervalMs));
    if (notifier.watchdogIntervalMs === null) return;
    this.#timers.push(setInterval(() => void notifier.watchdog(), notifier.watchdogIntervalMs));
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    void this.#components.notifier.stopping();
  }

  /** Once a second. */
  tell(): void {
    const { notifier, logger, status } = this.#components;
    const { connected, text } = status();
    if (connected && !this.#ready) {
      this.#ready = true;
      logger.info({}, 'ready');
      void notifier.ready();
    } else if (this.#ready && ++this.#passed % readyIntervals !== 0) return;
    void notifier.status(text);
  }
}
