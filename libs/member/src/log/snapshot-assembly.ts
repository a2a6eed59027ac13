import type { Snapshot } from '@mqtt-cluster/contracts';
import type { EncodedState } from '@mqtt-cluster/mqtt-state';

/**
 * Bytes of a snapshot that are copied in one turn. The copy takes a few tenths of a millisecond, longer with
 * messages on pages. A message passes through several turns of several members, so each turn of a copy delays it. A larger number
 * finishes the snapshot in fewer turns.
 */
const bytesPerTurnMax = 512 * 1024;

/**
 * Joins the pieces of a snapshot over several turns. A copy of a large state in one turn would stop this member for a
 * tenth of a second and more.
 */
export class SnapshotAssembly {
  readonly #snapshot: Snapshot;
  readonly #encoded: EncodedState;
  readonly #pieces: Iterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #copied = 0;

  /** @param encoded the encoded state at `header.index` */
  constructor(header: Omit<Snapshot, 'data'>, encoded: EncodedState) {
    this.#snapshot = { ...header, data: new Uint8Array(encoded.length) };
    this.#encoded = encoded;
    this.#pieces = encoded.pieces();
  }

  get bytes(): number {
    return this.#snapshot.data.length;
  }

  /** Copies what one turn may copy. @returns the snapshot when it is complete, otherwise null */
  step(): Snapshot | null {
    const { data } = this.#snapshot;
    const end = Math.min(this.#copied + bytesPerTurnMax, data.length);
    while (this.#copied < end) {
      if (this.#rest.length === 0) {
        const { done, value } = this.#pieces.next();
        if (done === true) throw new Error('the pieces of a snapshot are shorter than its length');
        this.#rest = value;
        continue;
      }
      const piece = this.#rest.subarray(0, end - this.#copied);
      data.set(piece, this.#copied);
      this.#copied += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    if (this.#copied < data.length) return null;
    this.discard();
    return this.#snapshot;
  }

  /** Ends the assembly. */
  discard(): void {
    this.#encoded.discard();
  }
}
