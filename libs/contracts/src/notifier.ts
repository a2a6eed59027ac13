/**
 * Reports the state of this process to the service manager. Without a service manager, every method does
 * nothing.
 */
export interface Notifier {
  /** The process serves clients. */
  ready(): Promise<void>;
  /** A line of text that the service manager shows. */
  status(text: string): Promise<void>;
  /** The process is alive. */
  watchdog(): Promise<void>;
  /** Extends the start timeout to this many ms from now, so that a member that catches up is not killed. */
  extendStart(milliseconds: number): Promise<void>;
  /** The process stops. */
  stopping(): Promise<void>;
  /** Longest time between two calls of `watchdog` in ms; null without a watchdog. */
  readonly watchdogIntervalMs: number | null;
}
