import { get } from 'node:http';
import type { Endpoint } from '../generator/load.ts';

const requestMsMax = 10_000;

/** Reads the page `/metrics` of a member. @throws Error when the member does not respond in time */
export function readMetrics({ host, port }: Endpoint): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path: '/metrics', timeout: requestMsMax }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error('/metrics does not respond')));
    request.on('error', reject);
  });
}

/** Returns the sum of all series of a metric whose labels contain `labels`; 0 without such a series. */
export function sumOf(page: string, metric: string, labels = ''): number {
  let sum = 0;
  for (const line of page.split('\n')) {
    const end = metric.length;
    if (!line.startsWith(metric) || (line[end] !== '{' && line[end] !== ' ')) continue;
    if (line.includes(labels)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}
