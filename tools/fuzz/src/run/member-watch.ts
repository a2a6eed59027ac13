import { residentBytes } from '@mqtt-cluster/kit';
import type { Cluster } from '@mqtt-cluster/lab';

const mebibyte = 1024 * 1024;
/** Growth that counts as a fault: both bounds must be exceeded. Smaller growth is noise of the garbage collector. */
const growthFactorMax = 1.3;
const growthBytesMax = 64 * mebibyte;

export interface MemberMemory {
  readonly id: string;
  /** Resident bytes after the warm-up, at the highest point, and after the attack. */
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

  /** Records the memory after the caches of the members have filled. */
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

  /** Returns one sentence for each member that restarted or whose memory grew. */
  faults(): string[] {
    const now = new Map(this.#cluster.pidsById());
    const ended = [...this.#pids]
      .filter(([id, pid]) => now.get(id) !== pid)
      .map(([id]) => `${id}: its process ended`);
    return [...new Set([...this.#cluster.crashes, ...ended]), ...this.memory().flatMap(growthFault)];
  }
}

export function growthFault({ id, warmBytes, endBytes }: MemberMemory): string[] {
  const grown = endBytes - warmBytes > growthBytesMax && endBytes > warmBytes * growthFactorMax;
  if (warmBytes === 0 || !grown) return [];
  return [`${id}: its memory grew from ${toMebibytes(warmBytes)} to ${toMebibytes(endBytes)} MiB`];
}

export function toMebibytes(bytes: number): number {
  return Math.round(bytes / mebibyte);
}
