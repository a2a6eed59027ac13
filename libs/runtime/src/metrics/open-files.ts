import { readdir } from 'node:fs/promises';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Counting looks at every connection, so it is done now and then instead of for each page. */
const countIntervalMs = 60_000;
/** The start of a program opens most of what it has open without clients. */
const firstCountMs = 1_000;

/** prom-client's own metric of that name, but counted once a minute, away from the event loop; on Linux only. */
export function countOpenFiles(registry: Registry): () => void {
  const gauge = new Gauge({
    name: 'process_open_fds',
    help: 'Open file descriptors, connections included, as counted last (once a minute).',
    registers: [registry],
  });
  const count = async (): Promise<void> => {
    try {
      gauge.set((await readdir('/proc/self/fd')).length);
    } catch {
      // Where there is no such folder there is no such metric: it stays at 0.
    }
  };
  const first = setTimeout(() => void count(), firstCountMs).unref();
  const timer = setInterval(() => void count(), countIntervalMs).unref();
  return () => {
    clearTimeout(first);
    clearInterval(timer);
  };
}
