/**
 * Stores queued messages that do not fit into memory. The content need not survive the process: a member has all messages
 * in its log and its snapshots. All methods are synchronous, because the state is.
 */
export interface MessagePages {
  /**
   * Stores a copy of the bytes.
   * @returns the position of the bytes, or null when the pages accept nothing at the moment
   */
  write(bytes: Uint8Array): number | null;
  /** False while `write` would return null for every message. */
  readonly isAccepting: boolean;
  /** Makes room for further writes. The caller waits for the operating system, as at the load of a large state. */
  flush(): void;
  /** Returns the bytes of a `write`. @throws Error the bytes cannot be read */
  read(position: number, length: number): Uint8Array;
  /** Gives the room of a `write` back. Nobody reads it any more. */
  free(position: number, length: number): void;
  /**
   * Keeps everything readable that is written now, also what is freed meanwhile.
   * @returns ends the hold
   */
  hold(): () => void;
  /** True while moving the messages of sparse parts would give much room back. */
  readonly hasSparse: boolean;
  /** Returns whether a position is in a part of the pages that is mostly free. */
  isSparse(position: number): boolean;
  /**
   * Gives everything back and accepts no further write. Bytes that a hold keeps readable are given back when the hold ends.
   */
  close(): void;
}
