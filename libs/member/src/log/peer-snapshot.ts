import { checkLength } from '@mqtt-cluster/contracts';
import type { BytesInPieces, Snapshot, SnapshotWrite } from '@mqtt-cluster/contracts';

/**
 * Pieces that one turn copies at most. Most pieces of a large state are messages on pages, and reading one of them takes some
 * microseconds.
 */
const piecesPerTurnMax = 2_048;

interface UnfinishedSnapshot {
  readonly header: Omit<Snapshot, 'data'>;
  readonly encoded: BytesInPieces;
  readonly pieces: Iterator<Uint8Array>;
  /** The bytes of the snapshot, up to `position`. */
  readonly bytes: Uint8Array;
  position: number;
}

/**
 * The snapshot for peers that need entries which the log no longer has. Each turn copies a bounded part of its bytes, so that
 * the leader of a large state sends its heartbeats meanwhile. The sender may have to send any part again, and to several
 * peers, so the bytes are joined.
 */
export class PeerSnapshot {
  readonly #bytesPerTurnMax: number;
  #unfinished: UnfinishedSnapshot | null = null;

  /** @param bytesPerTurnMax bytes after which a turn copies no further piece */
  constructor(bytesPerTurnMax: number) {
    this.#bytesPerTurnMax = bytesPerTurnMax;
  }

  /** True while the snapshot is being built. */
  get isUnfinished(): boolean {
    return this.#unfinished !== null;
  }

  begin({ data, ...header }: SnapshotWrite & { readonly data: BytesInPieces }): void {
    const pieces = data.pieces()[Symbol.iterator]();
    this.#unfinished = { header, encoded: data, pieces, bytes: new Uint8Array(data.length), position: 0 };
  }

  /**
   * Copies the next pieces. @returns the snapshot when it is complete, otherwise null
   * @throws MessagePageError a piece cannot be read
   */
  advance(): Snapshot | null {
    const unfinished = this.#unfinished;
    if (unfinished === null) return null;
    const { header, encoded, pieces, bytes } = unfinished;
    const end = unfinished.position + this.#bytesPerTurnMax;
    for (let count = 0; count < piecesPerTurnMax && unfinished.position < end; count++) {
      const next = pieces.next();
      if (next.done === true) {
        checkLength(unfinished.position, encoded);
        this.discard();
        return { ...header, data: bytes };
      }
      bytes.set(next.value, unfinished.position);
      unfinished.position += next.value.length;
    }
    return null;
  }

  /** Ends the work on an unfinished snapshot, and lets go of the pages of its messages. */
  discard(): void {
    this.#unfinished?.encoded.discard();
    this.#unfinished = null;
  }
}
