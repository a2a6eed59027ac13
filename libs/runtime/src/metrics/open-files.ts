import { readdir } from 'node:fs/promises';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/**
 * Interval of the counts. The cost of a count grows with the number of connections, so the files are not
 * counted for each scrape.
 */
const countIntervalMs = 60_000;
/**
 * Delay of the first count. After this delay, a program has opened most of the files that it needs without
 * clients.
 */
const firstCountMs = 1_000;

/**
 * Registers `process_open_fds`, the metric of prom-client, but counts once a minute and without blocking the
 * event loop. Counts on Linux only; on other systems the gauge stays at 0. Stops when the returned function
 * is called.
 */
export function countOpenFiles(registry: Registry): () => void {
  const gauge = new Gauge({
    name: 'process_open_fds',
    help: 'Open file descriptors, connections included. Counted once a minute.',
    registers: [registry],
  });
  const count = async (): Promise<void> => {
    try {
      gauge.set((await readdir('/proc/self/fd')).length);
    } catch {
      // Without /proc the open files cannot be counted: the gauge stays at 0.
    }
  };
  const first = setTimeout(() => void count(), firstCountMs).unref();
  const timer = setInterval(() => void count(), countIntervalMs).unref();
  return () => {
    clearTimeout(first);
    clearInterval(timer);
  };
}
