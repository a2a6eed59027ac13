import { residentBytes } from '@mqtt-cluster/kit';
import type { Cluster } from '../cluster/cluster.ts';

export interface MemberMemory {
  readonly id: string;
  /** Resident bytes when `markWarm` was called, at the highest point after it, and now. 0 if the process has ended. */
  readonly warmBytes: number;
  readonly peakBytes: number;
  readonly endBytes: number;
}

/** Watches the processes of the members: their memory, and whether one of them ended. */
export class MemberWatch {
  readonly #cluster: Cluster;
  readonly #pids: ReadonlyMap<string, number>;
  readonly #warm = new Map<string, number>();
  readonly #peak = new Map<string, number>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#pids = new Map(cluster.pidsById());
  }

  /** Records the memory before the load that the caller measures. */
  markWarm(): void {
    for (const [id, pid] of this.#pids) this.#warm.set(id, residentBytes(pid) ?? 0);
  }

  sample(): void {
    for (const [id, pid] of this.#pids)
      this.#peak.set(id, Math.max(this.#peak.get(id) ?? 0, residentBytes(pid) ?? 0));
  }

  memory(): MemberMemory[] {
    return [...this.#pids].map(([id, pid]) => ({
      id,
      warmBytes: this.#warm.get(id) ?? 0,
      peakBytes: this.#peak.get(id) ?? 0,
      endBytes: residentBytes(pid) ?? 0,
    }));
  }

  /** Returns one sentence for each member whose process ended, also if it runs again. */
  ended(): string[] {
    const now = new Map(this.#cluster.pidsById());
    const ended = [...this.#pids]
      .filter(([id, pid]) => now.get(id) !== pid)
      .map(([id]) => `${id}: its process ended`);
    return [...new Set([...this.#cluster.crashes, ...ended])];
  }
}
