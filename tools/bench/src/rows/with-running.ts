import { residentBytes } from '@mqtt-cluster/kit';
import type { Endpoint } from '../generator/load.ts';
import { waitUntilReady } from '../targets/network.ts';
import type { RunningTarget } from '../targets/target.ts';
import type { RowContext } from './row.ts';

/** A member accepts 1,000 connections a second from one address, so the clients use several. */
const addresses = 50;

/**
 * Starts the subject with the data in its directory, runs `action` when it is ready, and stops it.
 * @param action its second argument is the time from the start until the subject was ready, ms
 */
export async function withRunning<T>(
  { processes, subject, directory }: RowContext,
  action: (running: RunningTarget, readyMs: number) => Promise<T>,
): Promise<T> {
  const startedMs = performance.now();
  const running = await subject.start(directory);
  try {
    await waitUntilReady(running);
    return await action(running, performance.now() - startedMs);
  } finally {
    await processes.stop(running.processes);
  }
}

/** Returns the endpoint of a one-broker subject for a client with this number. */
export function endpointOf({ endpoints }: RunningTarget, client: number): Endpoint {
  return { ...endpoints[0]!, from: `127.0.3.${1 + (client % addresses)}` };
}

/** Returns the resident memory of a one-broker subject, bytes. */
export function residentOf({ processes }: RunningTarget): number {
  return residentBytes(processes[0]!.program.pid ?? 0) ?? 0;
}
