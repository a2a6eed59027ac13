/** What lives: started once, stopped once; `stop` waits for what is under way and never rejects. */
export interface Lifecycle {
  start(): Promise<void>;
  stop(): Promise<void>;
}
