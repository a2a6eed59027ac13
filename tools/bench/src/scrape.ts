import { cpuSeconds, median } from '@mqtt-cluster/kit';
import type { BenchArguments } from './arguments.ts';
import { RawClient } from './generator/client.ts';
import type { Endpoint } from './generator/load.ts';
import { openInBatches } from './generator/open-in-batches.ts';
import type { Processes } from './processes.ts';
import { readMetrics } from './targets/metrics-page.ts';
import { waitUntilReady } from './targets/network.ts';
import { startMembers } from './targets/ours.ts';

/** Number of requests of `/metrics`, one after the other. */
const scrapes = 100;
/** Limits for a member with 10,000 clients: size of `/metrics`, and response time in ms. */
const pageKibibytesMax = 200;
const answerMsMax = 50;

export interface ScrapeResult {
  readonly clients: number;
  readonly scrapes: number;
  readonly pageBytes: number;
  readonly p50Ms: number;
  readonly maxMs: number;
  /** Processor time of the member for one response. Other load on the machine does not change this time. */
  readonly processorMs: number;
}

/** Measures the size and the response time of `/metrics` of a member with many connected clients. */
export async function measureScrape(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<ScrapeResult> {
  const directory = processes.directory();
  const running = await startMembers(processes, directory, given.members);
  const clients: RawClient[] = [];
  try {
    await waitUntilReady(running);
    await connectAll(clients, running.endpoints[0]!, given.clients, log);
    const pid = running.processes[0]!.program.pid ?? 0;
    const usedBefore = cpuSeconds(pid) ?? 0;
    const durations: number[] = [];
    let pageBytes = 0;
    for (let count = 0; count < scrapes; count++) {
      const startedMs = performance.now();
      const page = await readMetrics(running.http[0]!);
      durations.push(performance.now() - startedMs);
      pageBytes = Math.max(pageBytes, page.length);
      checkPage(page.toString(), given.clients);
    }
    const processorMs = (((cpuSeconds(pid) ?? 0) - usedBefore) * 1_000) / scrapes;
    const p50Ms = median(durations);
    const maxMs = Math.max(...durations);
    return { clients: given.clients, scrapes, pageBytes, p50Ms, maxMs, processorMs };
  } finally {
    for (const client of clients) client.destroy();
    await processes.stop(running.processes);
    processes.removeDirectory(directory);
  }
}

export function renderScrape(result: ScrapeResult): string {
  const { clients, pageBytes, p50Ms, maxMs, processorMs } = result;
  const size = pageBytes / 1024 < pageKibibytesMax;
  return (
    `/metrics of a member with ${clients} clients, ${result.scrapes} times: ` +
    `${(pageBytes / 1024).toFixed(1)} KiB (${verdict(size)}: under ${pageKibibytesMax} KiB), ` +
    `p50 ${p50Ms.toFixed(1)} ms, max ${maxMs.toFixed(1)} ms (${verdict(maxMs < answerMsMax)}: under ${answerMsMax} ms), ` +
    `${processorMs.toFixed(1)} ms of a processor each\n`
  );
}

/** Returns whether the size of `/metrics` and the longest response time are below their limits. */
export function isScrapeWithinLimits({ pageBytes, maxMs }: ScrapeResult): boolean {
  return pageBytes / 1024 < pageKibibytesMax && maxMs < answerMsMax;
}

async function connectAll(
  clients: RawClient[],
  endpoint: Endpoint,
  count: number,
  log: (text: string) => void,
): Promise<void> {
  const open = async (number: number, onFailure: (error: Error) => void): Promise<void> => {
    const id = `scrape-${number}`;
    const client = await RawClient.open(endpoint, id, true, onFailure);
    clients.push(client);
    await client.subscribe(`scrape/${id}`, 0);
  };
  await openInBatches(count, open, (opened) => log(`${opened} clients are connected`));
}

/** Checks the number of clients in a response of `/metrics`. @throws Error when it is not the number of connected clients */
function checkPage(page: string, clients: number): void {
  const connected = Number(/^mqtt_cluster_clients_connected\{.*\} (\d+)$/m.exec(page)?.[1]);
  if (connected !== clients) throw new Error(`the member has ${connected} clients instead of ${clients}`);
}

function verdict(holds: boolean): string {
  return holds ? 'met' : 'MISSED';
}
