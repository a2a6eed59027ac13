import { statfs } from 'node:fs/promises';
import { storeMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

/** Time that a scrape waits for the disk. After this time the metrics keep their last values. */
const answerMsMax = 100;

/** Measures the free space and the size of the file system that holds the data directory. */
export class DiskMeter {
  readonly #directory: string;
  readonly #metrics: Metrics;
  #pending: Promise<void> | null = null;

  constructor(directory: string, metrics: Metrics) {
    this.#directory = directory;
    this.#metrics = metrics;
  }

  /** Updates the metrics. Called before each scrape. The promise never rejects. */
  async measure(): Promise<void> {
    this.#pending ??= this.#readFileSystem();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, answerMsMax);
    });
    await Promise.race([this.#pending, timeout]);
    clearTimeout(timer);
  }

  async #readFileSystem(): Promise<void> {
    try {
      const { bavail, blocks, bsize } = await statfs(this.#directory);
      this.#metrics.set(storeMetrics.diskFreeBytes, [], bavail * bsize);
      this.#metrics.set(storeMetrics.diskSizeBytes, [], blocks * bsize);
    } catch {
      // Some file systems do not report their size. Other metrics show whether the disk accepts writes.
    } finally {
      this.#pending = null;
    }
  }
}
