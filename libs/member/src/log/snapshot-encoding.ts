import type { Snapshot } from '@mqtt-cluster/contracts';
import type { EncodedState, StateEncoding } from '@mqtt-cluster/mqtt-state';

/** Everything of a snapshot but the state. */
export type SnapshotHeader = Omit<Snapshot, 'data'>;

/** A snapshot whose state is encoded, with the messages on pages still to be read. */
type EncodedSnapshot = SnapshotHeader & { readonly data: EncodedState };

/**
 * Values that one turn encodes or copies at most: items of queues, or messages on pages. Each of them takes some
 * microseconds.
 */
export const valuesPerTurnMax = 2_048;

/**
 * A snapshot of the state at one index, which is encoded over several turns while further entries are applied. Otherwise a
 * large state would stop its member for seconds, and a leader would miss its heartbeats.
 */
export class SnapshotEncoding {
  readonly header: SnapshotHeader;
  readonly #encoding: StateEncoding;
  readonly #bytesPerTurnMax: number;

  /** @param bytesPerTurnMax bytes after which a turn encodes no further value */
  constructor(header: SnapshotHeader, encoding: StateEncoding, bytesPerTurnMax: number) {
    this.header = header;
    this.#encoding = encoding;
    this.#bytesPerTurnMax = bytesPerTurnMax;
  }

  /** Encodes the next values. @returns the snapshot when it is complete, otherwise null */
  advance(): EncodedSnapshot | null {
    const data = this.#encoding.advance({ values: valuesPerTurnMax, bytes: this.#bytesPerTurnMax });
    return data === null ? null : { ...this.header, data };
  }

  /** Gives the work up, and lets go of the pages of the messages. */
  discard(): void {
    this.#encoding.discard();
  }
}
