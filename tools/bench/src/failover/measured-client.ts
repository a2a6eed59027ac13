import type { OpenCommand } from './protocol.ts';
import type { Recorder } from './recorder.ts';

/** A publisher and a subscriber of one make, both connected to the member that is going to fail. */
export interface MeasuredClient {
  /** @throws Error when they are not both connected there in time */
  open(): Promise<void>;
  /** From now on messages are published. */
  begin(): void;
  close(): Promise<void>;
}

export type MeasuredClientFactory = (command: OpenCommand, recorder: Recorder) => MeasuredClient;

/** Resolves when it has become true. @throws Error naming `what` after `msMax` */
export async function become(what: string, msMax: number, test: () => boolean): Promise<void> {
  const pollMs = 10;
  const deadline = performance.now() + msMax;
  while (!test()) {
    if (performance.now() > deadline) throw new Error(`${what}: not after ${msMax / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
