import { wholeBytes } from '@mqtt-cluster/contracts';
import type {
  HardState,
  LogEntry,
  LogIndex,
  OutboxItem,
  Snapshot,
  SnapshotWrite,
  StoreWrite,
} from '@mqtt-cluster/contracts';

/** The stored content of a disk: hard state, snapshot, log entries and outbox. */
export class DiskContent {
  hardState: HardState = { term: 0, votedFor: null };
  snapshot: Snapshot | null = null;
  entries: LogEntry[] = [];
  readonly outbox = new Map<string, OutboxItem>();

  get firstIndex(): LogIndex {
    return (this.snapshot?.index ?? 0) + 1;
  }

  get lastIndex(): LogIndex {
    return this.firstIndex + this.entries.length - 1;
  }

  entry(index: LogIndex): LogEntry | undefined {
    return this.entries[index - this.firstIndex];
  }

  /**
   * Applies a change, field by field in the order of the fields of `StoreWrite`.
   *
   * @throws Error when an entry is not contiguous
   */
  apply(change: StoreWrite): void {
    if (change.hardState !== undefined) this.hardState = change.hardState;
    if (change.snapshot !== undefined) this.#replace(change.snapshot, change.dropLog === true);
    if (change.truncateFrom !== undefined) {
      this.entries.length = Math.max(0, Math.min(this.entries.length, change.truncateFrom - this.firstIndex));
    }
    // A repeated write after a refused one may begin with entries that a snapshot has replaced meanwhile.
    let expected = Math.min(this.lastIndex + 1, change.truncateFrom ?? Infinity);
    for (const entry of change.entries ?? []) {
      if (entry.index !== expected) {
        throw new Error(`a write has entry ${entry.index}, expected ${expected}`);
      }
      if (entry.index >= this.firstIndex) this.entries.push(entry);
      expected += 1;
    }
    for (const item of change.outboxPut ?? []) this.outbox.set(outboxKey(item), item);
    for (const item of change.outboxDelete ?? []) this.outbox.delete(outboxKey(item));
  }

  outboxInOrder(): OutboxItem[] {
    return [...this.outbox.values()].sort(
      (one, other) => one.incarnation - other.incarnation || one.sequence - other.sequence,
    );
  }

  copy(): DiskContent {
    const copy = new DiskContent();
    copy.hardState = this.hardState;
    copy.snapshot = this.snapshot;
    copy.entries = [...this.entries];
    for (const [key, item] of this.outbox) copy.outbox.set(key, item);
    return copy;
  }

  #replace(snapshot: SnapshotWrite, dropLog: boolean): void {
    const kept = dropLog ? [] : this.entries.filter((entry) => entry.index > snapshot.index);
    this.snapshot = { ...snapshot, data: wholeBytes(snapshot.data) };
    this.entries = kept;
  }
}

export function outboxKey(item: Pick<OutboxItem, 'incarnation' | 'sequence'>): string {
  return `${item.incarnation}:${item.sequence}`;
}
