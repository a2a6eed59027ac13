/** A component that is started once and stopped once. `stop` waits for work in progress and never rejects. */
export interface Lifecycle {
  start(): Promise<void>;
  stop(): Promise<void>;
}
