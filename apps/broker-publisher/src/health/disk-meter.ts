import { statfs } from 'node:fs/promises';
import { storeMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

/** A disk that hangs must not hold up who asks how things are: then the last figures stay. */
const answerMsMax = 100;

/** Free space and size of the file system that holds the data directory. */
export class DiskMeter {
  readonly #directory: string;
  readonly #metrics: Metrics;
  #underWay: Promise<void> | null = null;

  constructor(directory: string, metrics: Metrics) {
    this.#directory = directory;
    this.#metrics = metrics;
  }

  /** Before each scrape. Never rejects. */
  async measure(): Promise<void> {
    this.#underWay ??= this.#ask();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, answerMsMax);
    });
    await Promise.race([this.#underWay, late]);
    clearTimeout(timer);
  }

  async #ask(): Promise<void> {
    try {
      const { bavail, blocks, bsize } = await statfs(this.#directory);
      this.#metrics.set(storeMetrics.diskFreeBytes, [], bavail * bsize);
      this.#metrics.set(storeMetrics.diskSizeBytes, [], blocks * bsize);
    } catch {
      // Some file systems don't tell; whether the disk can be written to shows elsewhere.
    } finally {
      this.#underWay = null;
    }
  }
}
