import { checkLength } from '@mqtt-cluster/contracts';
import type { BytesInPieces, Snapshot, UnfinishedSnapshot } from '@mqtt-cluster/contracts';
import { valuesPerTurnMax } from './snapshot-encoding.ts';
import type { SnapshotEncoding, SnapshotHeader } from './snapshot-encoding.ts';

/** The bytes of an encoded snapshot, while they are joined. */
interface UnfinishedBytes {
  readonly header: SnapshotHeader;
  readonly encoded: BytesInPieces;
  readonly pieces: Iterator<Uint8Array>;
  /** The bytes of the snapshot, up to `position`. */
  readonly bytes: Uint8Array;
  position: number;
}

/**
 * A snapshot for peers that need entries which the log no longer has, or for a backup. Each turn encodes or copies a bounded
 * part of it, so that the leader of a large state sends its heartbeats meanwhile. The bytes are joined: the sender may have to
 * send any part again, and to several peers.
 */
export class JoinedSnapshot implements UnfinishedSnapshot {
  readonly #bytesPerTurnMax: number;
  #encoding: SnapshotEncoding | null = null;
  #unfinished: UnfinishedBytes | null = null;

  /** @param bytesPerTurnMax bytes after which a turn copies no further piece */
  constructor(bytesPerTurnMax: number) {
    this.#bytesPerTurnMax = bytesPerTurnMax;
  }

  /** True while the snapshot is being built. */
  get isUnfinished(): boolean {
    return this.#encoding !== null || this.#unfinished !== null;
  }

  begin(encoding: SnapshotEncoding): void {
    this.#encoding = encoding;
  }

  /**
   * Encodes the next values, or copies the next pieces. @returns the snapshot when it is complete, otherwise null
   * @throws MessagePageError a piece cannot be read
   */
  advance(): Snapshot | null {
    if (this.#encoding !== null) {
      this.#encode(this.#encoding);
      return null;
    }
    return this.#unfinished === null ? null : this.#copy(this.#unfinished);
  }

  /** Ends the work on an unfinished snapshot, and lets go of the pages of its messages. */
  discard(): void {
    this.#encoding?.discard();
    this.#encoding = null;
    this.#unfinished?.encoded.discard();
    this.#unfinished = null;
  }

  #encode(encoding: SnapshotEncoding): void {
    const encoded = encoding.advance();
    if (encoded === null) return;
    this.#encoding = null;
    const { data, ...header } = encoded;
    const pieces = data.pieces()[Symbol.iterator]();
    this.#unfinished = { header, encoded: data, pieces, bytes: new Uint8Array(data.length), position: 0 };
  }

  #copy(unfinished: UnfinishedBytes): Snapshot | null {
    const { header, encoded, pieces, bytes } = unfinished;
    const end = unfinished.position + this.#bytesPerTurnMax;
    for (let count = 0; count < valuesPerTurnMax && unfinished.position < end; count++) {
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
}
