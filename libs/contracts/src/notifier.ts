/**
 * Reports the state of this process to the service manager. Without a service manager, every method does
 * nothing.
 */
export interface Notifier {
  /** Reports that the process serves clients. */
  ready(): Promise<void>;
  /** Reports a line of text, which the service manager shows. */
  status(text: string): Promise<void>;
  /** Reports that the process is alive. */
  watchdog(): Promise<void>;
  /** Extends the start timeout to this many ms from now, so that a member that catches up is not killed. */
  extendStart(milliseconds: number): Promise<void>;
  /** Reports that the process stops. */
  stopping(): Promise<void>;
  /**
   * Longest permitted time between two calls of `watchdog`, ms; null if the service manager has no watchdog
   * for this process.
   */
  readonly watchdogIntervalMs: number | null;
}
