import type { RaftSnapshotPiece, Snapshot } from '@mqtt-cluster/contracts';

/**
 * The pieces of a snapshot received so far. Another leader may go on where the last one stopped, as the state at an index is
 * the same everywhere, unless its size says otherwise.
 */
export class IncomingSnapshot {
  #index = 0;
  #term = 0;
  #totalBytes = 0;
  #received = 0;
  #pieces: Uint8Array[] = [];

  /** How much of the snapshot that the piece belongs to is here, bytes. */
  receivedOf(piece: RaftSnapshotPiece): number {
    return this.#isOf(piece) ? this.#received : 0;
  }

  /** @returns the snapshot when this was its last missing piece */
  add(piece: RaftSnapshotPiece): Snapshot | null {
    const { index, snapshotTerm, totalBytes, offset, data } = piece;
    if (!this.#isOf(piece)) {
      // Only a first piece starts another snapshot: a late one must not throw away what is here.
      if (offset !== 0) return null;
      this.clear();
      this.#index = index;
      this.#term = snapshotTerm;
      this.#totalBytes = totalBytes;
    }
    if (offset === this.#received && offset + data.length <= totalBytes) {
      if (data.length > 0) this.#pieces.push(data);
      this.#received += data.length;
    }
    if (this.#received !== totalBytes) return null;
    const snapshot = { index, term: snapshotTerm, config: piece.config, data: this.#joined() };
    this.clear();
    return snapshot;
  }

  clear(): void {
    this.#index = 0;
    this.#term = 0;
    this.#totalBytes = 0;
    this.#received = 0;
    this.#pieces = [];
  }

  #isOf({ index, snapshotTerm, totalBytes }: RaftSnapshotPiece): boolean {
    return index === this.#index && snapshotTerm === this.#term && totalBytes === this.#totalBytes;
  }

  #joined(): Uint8Array {
    const whole = new Uint8Array(this.#totalBytes);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}
