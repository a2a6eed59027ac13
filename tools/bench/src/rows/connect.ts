import { RawClient } from '../generator/client.ts';
import type { Row } from './row.ts';
import { endpointOf, withRunning } from './with-running.ts';

/** Number of clients that connect at the same time. */
const concurrent = 100;

/** Clients that connect and stay connected. */
export const connectRow: Row = {
  name: 'connect',
  title: 'connections of clients with clean sessions; --clients N, 100 at a time',
  figures: [{ name: 'connections', unit: '/s', isLessBetter: false }],
  measure: (context) =>
    withRunning(context, async (running) => {
      const { clients: count } = context.given;
      const clients: RawClient[] = [];
      let failure: Error | null = null;
      let next = 0;
      const openAll = async (): Promise<void> => {
        while (next < count && failure === null) {
          const number = next++;
          const onFailure = (error: Error): void => void (failure ??= error);
          clients.push(await RawClient.open(endpointOf(running, number), `c${number}`, true, onFailure));
        }
      };
      const startedMs = performance.now();
      try {
        await Promise.all(Array.from({ length: concurrent }, openAll));
        const seconds = (performance.now() - startedMs) / 1_000;
        if (failure !== null) throw failure as Error;
        return [count / seconds];
      } finally {
        for (const client of clients) client.destroy();
      }
    }),
};
