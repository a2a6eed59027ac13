/** Tells the service manager how this process is. Every method is safe to call when there is none. */
export interface Notifier {
  ready(): Promise<void>;
  status(text: string): Promise<void>;
  watchdog(): Promise<void>;
  /** The start takes at least so much longer, ms from now: catching up must not look like hanging. */
  extendStart(milliseconds: number): Promise<void>;
  stopping(): Promise<void>;
  /** How often `watchdog` is expected, ms; null when it isn't. */
  readonly watchdogIntervalMs: number | null;
}
