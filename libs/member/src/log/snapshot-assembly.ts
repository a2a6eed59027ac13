import type { Snapshot } from '@mqtt-cluster/contracts';

/**
 * Bytes of a snapshot that are copied in one turn. The copy takes a few tenths of a millisecond. A message passes through
 * several turns of several members, so each turn of a copy delays it. A larger number finishes the snapshot in fewer
 * turns.
 */
const bytesPerTurnMax = 512 * 1024;

/**
 * Joins the parts of a snapshot over several turns. A copy of a large state in one turn would stop this member for a
 * tenth of a second and more.
 */
export class SnapshotAssembly {
  readonly #snapshot: Snapshot;
  readonly #parts: readonly Uint8Array[];
  #part = 0;
  #offsetInPart = 0;
  #copied = 0;

  /** @param parts the encoded state at `header.index` */
  constructor(header: Omit<Snapshot, 'data'>, parts: readonly Uint8Array[]) {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#snapshot = { ...header, data: new Uint8Array(bytes) };
    this.#parts = parts;
  }

  get bytes(): number {
    return this.#snapshot.data.length;
  }

  /** Copies what one turn may copy. @returns the snapshot when it is complete, otherwise null */
  step(): Snapshot | null {
    const { data } = this.#snapshot;
    const end = Math.min(this.#copied + bytesPerTurnMax, data.length);
    while (this.#copied < end) {
      const part = this.#parts[this.#part]!;
      const piece = part.subarray(this.#offsetInPart, this.#offsetInPart + end - this.#copied);
      data.set(piece, this.#copied);
      this.#copied += piece.length;
      this.#offsetInPart += piece.length;
      if (this.#offsetInPart < part.length) continue;
      this.#part++;
      this.#offsetInPart = 0;
    }
    return this.#copied === data.length ? this.#snapshot : null;
  }
}
