import type { OpenCommand } from './protocol.ts';
import type { Recorder } from './recorder.ts';

/** A publisher and a subscriber of one client library, both connected to the member that will fail. */
export interface MeasuredClient {
  /** Connects the publisher and the subscriber. @throws Error when they are not connected in time */
  open(): Promise<void>;
  /** Starts publishing. */
  begin(): void;
  /** Stops publishing. The connections stay. */
  rest(): void;
  close(): Promise<void>;
}

/** Returns null if the round lacks what the client needs, such as a proxy. */
export type MeasuredClientFactory = (command: OpenCommand, recorder: Recorder) => MeasuredClient | null;
