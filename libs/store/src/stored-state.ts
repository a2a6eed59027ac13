import type { HardState, LogEntry, LogIndex, OutboxItem, StoreWrite } from '@mqtt-cluster/contracts';

/** A change of a store's content. `S` is a snapshot, or a reference to a snapshot file. */
export type StateChange<S extends { readonly index: LogIndex }> = Omit<StoreWrite, 'snapshot'> & {
  readonly snapshot?: S;
};

export function outboxKey(item: Pick<OutboxItem, 'incarnation' | 'sequence'>): string {
  return `${item.incarnation}/${item.sequence}`;
}

/**
 * Returns the last log index after `change`, by the rules of {@link StoreWrite}. `last` is the last log index
 * before the change.
 */
export function lastIndexAfter<S extends { readonly index: LogIndex }>(
  last: LogIndex,
  change: StateChange<S>,
): LogIndex {
  let result = last;
  if (change.snapshot !== undefined) {
    result = change.dropLog === true ? change.snapshot.index : Math.max(result, change.snapshot.index);
  }
  if (change.truncateFrom !== undefined) result = Math.min(result, change.truncateFrom - 1);
  return change.entries?.at(-1)?.index ?? result;
}

/** Returns why the entries of `change` do not follow a log with the last index `last`, or null if they do. */
export function continuityError<S extends { readonly index: LogIndex }>(
  last: LogIndex,
  change: StateChange<S>,
): string | null {
  if (change.entries === undefined || change.entries.length === 0) return null;
  let expected = lastIndexAfter(last, { ...change, entries: [] }) + 1;
  for (const entry of change.entries) {
    if (entry.index !== expected) return `entry ${entry.index} does not follow ${expected - 1}`;
    expected++;
  }
  return null;
}

/** The content of a store in memory: hard state, snapshot (or a reference to it), log and outbox. */
export class StoredState<S extends { readonly index: LogIndex }> {
  hardState: HardState = { term: 0, votedFor: null };
  snapshot: S | null = null;
  #entries: LogEntry[] = [];
  readonly #outbox = new Map<string, OutboxItem>();

  get firstIndex(): LogIndex | undefined {
    return this.#entries[0]?.index;
  }

  get lastIndex(): LogIndex {
    return this.#entries.at(-1)?.index ?? this.snapshot?.index ?? 0;
  }

  /** Applies a change that {@link continuityError} has accepted. */
  apply(change: StateChange<S>): void {
    if (change.hardState !== undefined) this.hardState = change.hardState;
    if (change.snapshot !== undefined) {
      this.snapshot = change.snapshot;
      if (change.dropLog === true) this.#entries = [];
      else this.#dropUpTo(change.snapshot.index);
    }
    if (change.truncateFrom !== undefined) this.#truncateFrom(change.truncateFrom);
    // The member repeats a write that the store has refused. Meanwhile a snapshot may contain its first entries.
    const from = this.snapshot?.index ?? 0;
    for (const entry of change.entries ?? []) if (entry.index > from) this.#entries.push(entry);
    for (const item of change.outboxPut ?? []) this.#outbox.set(outboxKey(item), item);
    for (const item of change.outboxDelete ?? []) this.#outbox.delete(outboxKey(item));
  }

  entries(): readonly LogEntry[] {
    return [...this.#entries];
  }

  /** Returns the outbox items ordered by incarnation, then by sequence. */
  outbox(): readonly OutboxItem[] {
    return [...this.#outbox.values()].sort(
      (a, b) => a.incarnation - b.incarnation || a.sequence - b.sequence,
    );
  }

  #dropUpTo(index: LogIndex): void {
    const first = this.#entries[0];
    if (first !== undefined && first.index <= index) this.#entries.splice(0, index - first.index + 1);
  }

  #truncateFrom(index: LogIndex): void {
    const first = this.#entries[0];
    if (first !== undefined)
      this.#entries.length = Math.min(this.#entries.length, Math.max(0, index - first.index));
  }
}
