import { setTimeout as delay } from 'node:timers/promises';
import { RawClient } from '../generator/client.ts';
import { openInBatches } from '../generator/open-in-batches.ts';
import type { Row } from './row.ts';
import { endpointOf, residentOf, withRunning } from './with-running.ts';

/** Clients before the first reading, so that Node has compiled the code and the heap has its usual size. */
const warmUpClients = 500;
/** Time after which the memory of a connection attempt is free again. */
const settleMs = 5_000;

/** Clients with one subscription each that send and receive nothing. */
export const idleClientsRow: Row = {
  name: 'idle-clients',
  title: 'resident memory for each idle client with one subscription; --clients N',
  figures: [{ name: 'memory', unit: 'KiB', isLessBetter: true }],
  measure: (context) =>
    withRunning(context, async (running) => {
      const { clients: count } = context.given;
      const clients: RawClient[] = [];
      const open = async (id: string, number: number, onFailure: (error: Error) => void): Promise<void> => {
        const client = await RawClient.open(endpointOf(running, number), `${id}${number}`, true, onFailure);
        clients.push(client);
        await client.subscribe(`idle/${id}${number}`, 0);
      };
      const openAll = (number: number, id: string): Promise<void> =>
        openInBatches(
          number,
          (each, onFailure) => open(id, each, onFailure),
          () => undefined,
        );
      try {
        await openAll(warmUpClients, 'warm');
        await delay(settleMs);
        const before = residentOf(running);
        await openAll(count, 'idle');
        await delay(settleMs);
        return [(residentOf(running) - before) / count / 1024];
      } finally {
        for (const client of clients) client.destroy();
      }
    }),
};
