import { KeepAlive } from './keep-alive.ts';
import { ServerProbe } from './server-probe.ts';
import type { ProbeOptions } from './server-probe.ts';

export interface ConnectionMonitorOptions {
  readonly pingIntervalMs: number;
  readonly silenceMsMax: number;
  /** Options of the server probe. Null for a client with only one connection. */
  readonly probe: ProbeOptions | null;
  /** Returns how many bytes the socket has received. */
  readonly bytesRead: () => number;
  /** Returns whether a publish is unacknowledged. */
  readonly ackDue: () => boolean;
  readonly sendPing: () => void;
  /** Called when the server was silent for `silenceMsMax`. */
  readonly onSilent: () => void;
  /** Called when the server becomes suspected, see {@link ServerProbe}. */
  readonly onSuspected: () => void;
}

/** Monitors whether the server of one connection responds: runs the timers of {@link KeepAlive} and {@link ServerProbe}. */
export class ConnectionMonitor {
  readonly #keepAlive: KeepAlive;
  readonly #probe: ServerProbe | null;
  readonly #timers: NodeJS.Timeout[] = [];
  #suspected = false;

  constructor(options: ConnectionMonitorOptions) {
    const { bytesRead } = options;
    this.#keepAlive = new KeepAlive({ ...options, now: () => performance.now() });
    const { checkIntervalMs } = this.#keepAlive;
    this.#timers.push(setInterval(() => this.#keepAlive.check(bytesRead()), checkIntervalMs));
    this.#probe = options.probe && new ServerProbe(options.probe);
    if (this.#probe) this.#startProbe(this.#probe, options);
  }

  get lastReceivedMs(): number {
    return this.#keepAlive.lastReceivedMs;
  }

  get suspected(): boolean {
    return this.#suspected;
  }

  /** Must be called when a publish was sent to the server. */
  sent(): void {
    this.#probe?.sent(performance.now());
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#suspected = false;
  }

  #startProbe(probe: ServerProbe, options: ConnectionMonitorOptions): void {
    const { bytesRead, ackDue, sendPing, onSuspected } = options;
    const check = (): void => {
      const result = probe.check(performance.now(), bytesRead(), ackDue());
      if (result === 'ping') sendPing();
      const before = this.#suspected;
      this.#suspected = result === 'suspected';
      if (this.#suspected && !before) onSuspected();
    };
    this.#timers.push(setInterval(check, probe.checkIntervalMs));
  }
}
