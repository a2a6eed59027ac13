import { setTimeout as delay } from 'node:timers/promises';

/** Number of clients that connect at the same time. A member accepts only 1,000 connections a second from one address. */
const batchClients = 200;
const batchMsMin = 250;
/** Number of clients after which `log` is called. */
const logEvery = 2_000;

/**
 * Opens clients with the numbers from 0 on, in batches.
 *
 * @param open opens one client; `onFailure` accepts errors of the client until all clients are open
 * @param log receives the number of opened clients
 * @throws Error the first failure
 */
export async function openInBatches(
  count: number,
  open: (number: number, onFailure: (error: Error) => void) => Promise<void>,
  log: (opened: number) => void,
): Promise<void> {
  let failure: Error | null = null;
  const onFailure = (error: Error): void => void (failure ??= error);
  for (let first = 0; first < count; first += batchClients) {
    const startedMs = performance.now();
    const size = Math.min(batchClients, count - first);
    await Promise.all(Array.from({ length: size }, (_, each) => open(first + each, onFailure)));
    if (failure !== null) throw failure as Error;
    const opened = first + size;
    if (opened % logEvery === 0) log(opened);
    await delay(Math.max(0, batchMsMin - (performance.now() - startedMs)));
  }
}
