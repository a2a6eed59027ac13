import type { RaftSnapshotPiece, Snapshot } from '@mqtt-cluster/contracts';

/**
 * The follower's side of a snapshot transfer: collects the pieces received so far. A new leader may continue
 * where the old one stopped, because the state at one index is the same on all members. If the new leader's
 * snapshot has another size, the transfer starts again.
 */
export class SnapshotReceiver {
  #index = 0;
  #term = 0;
  #totalBytes = 0;
  #received = 0;
  #pieces: Uint8Array[] = [];

  /** Returns how many bytes of the piece's snapshot have been received without gaps. */
  receivedBytes(piece: RaftSnapshotPiece): number {
    return this.#isCurrent(piece) ? this.#received : 0;
  }

  /** Adds a piece. @returns the snapshot if it is complete now, else null */
  add(piece: RaftSnapshotPiece): Snapshot | null {
    const { index, snapshotTerm, totalBytes, offset, data } = piece;
    if (!this.#isCurrent(piece)) {
      // Only a first piece starts another snapshot: a delayed piece must not discard the current one.
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

  #isCurrent({ index, snapshotTerm, totalBytes }: RaftSnapshotPiece): boolean {
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
