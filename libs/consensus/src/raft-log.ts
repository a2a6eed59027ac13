import type { LogEntry, LogIndex } from '@mqtt-cluster/contracts';

/**
 * Estimated memory of an entry without its data. The log's size includes it, so that a log of entries without
 * data also reaches its size bound.
 */
const entryOverheadBytes = 64;

function sizeOf(entry: LogEntry): number {
  return entry.data.length + entryOverheadBytes;
}

/**
 * Consecutive entries of one term, starting at `first`. A log has few such runs, so the search for a conflict
 * is fast.
 */
interface TermRun {
  readonly term: number;
  readonly first: LogIndex;
}

/**
 * The log of one member: the entries after the last compacted entry (the base). Indexes are positions in the
 * whole log, starting at 1.
 */
export class RaftLog {
  #baseIndex: LogIndex;
  #baseTerm: number;
  #entries: LogEntry[];
  #runs: TermRun[] = [];
  #bytes = 0;

  /** @throws Error when the entries do not follow the base without gaps */
  constructor(base: { readonly index: LogIndex; readonly term: number }, entries: readonly LogEntry[]) {
    this.#baseIndex = base.index;
    this.#baseTerm = base.term;
    this.#entries = [];
    for (const entry of entries) this.append(entry);
  }

  /** The last compacted index; 0 if the log is complete. */
  get baseIndex(): LogIndex {
    return this.#baseIndex;
  }

  get firstIndex(): LogIndex {
    return this.#baseIndex + 1;
  }

  get lastIndex(): LogIndex {
    return this.#baseIndex + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#runs.at(-1)?.term ?? this.#baseTerm;
  }

  get bytes(): number {
    return this.#bytes;
  }

  entry(index: LogIndex): LogEntry | undefined {
    return this.#entries[index - this.#baseIndex - 1];
  }

  termAt(index: LogIndex): number | undefined {
    return index === this.#baseIndex ? this.#baseTerm : this.entry(index)?.term;
  }

  /** @throws Error when the entry does not follow the last one */
  append(entry: LogEntry): void {
    if (entry.index !== this.lastIndex + 1)
      throw new Error(
        `entry ${entry.index} does not follow entry ${this.lastIndex}, the last one of the log`,
      );
    if (entry.term !== this.#runs.at(-1)?.term) this.#runs.push({ term: entry.term, first: entry.index });
    this.#entries.push(entry);
    this.#bytes += sizeOf(entry);
  }

  truncateFrom(index: LogIndex): void {
    const kept = index - this.#baseIndex - 1;
    for (let at = kept; at < this.#entries.length; at += 1) this.#bytes -= sizeOf(this.#entries[at]!);
    this.#entries.length = kept;
    while ((this.#runs.at(-1)?.first ?? 0) >= index) this.#runs.pop();
  }

  /** Removes all entries up to and including `index`. @throws Error when the log does not contain `index` */
  compact(index: LogIndex): void {
    const term = this.termAt(index);
    if (term === undefined)
      throw new Error(`cannot compact the log to entry ${index}: the log has no such entry`);
    const dropped = this.#entries.splice(0, index - this.#baseIndex);
    for (const entry of dropped) this.#bytes -= sizeOf(entry);
    this.#baseIndex = index;
    this.#baseTerm = term;
    while ((this.#runs[1]?.first ?? Infinity) <= index + 1) this.#runs.shift();
    const first = this.#runs[0];
    if (this.#entries.length === 0) this.#runs = [];
    else if (first !== undefined && first.first <= index)
      this.#runs[0] = { term: first.term, first: index + 1 };
  }

  /** Removes all entries. The log continues after `index`. */
  reset(index: LogIndex, term: number): void {
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#entries = [];
    this.#runs = [];
    this.#bytes = 0;
  }

  /** Returns the entries `from` to `to`, both included. The entries' data is not copied. */
  range(from: LogIndex, to: LogIndex): readonly LogEntry[] {
    return this.#entries.slice(from - this.#baseIndex - 1, to - this.#baseIndex);
  }

  /** Returns entries from `from` on, as many as fit in `bytesMax`, but at least one if the log has one. */
  batch(from: LogIndex, bytesMax: number): readonly LogEntry[] {
    let bytes = 0;
    let to = from - 1;
    for (let next = this.entry(from); next !== undefined; next = this.entry(to + 1)) {
      bytes += sizeOf(next);
      if (bytes > bytesMax && to >= from) break;
      to += 1;
    }
    return this.range(from, to);
  }

  /**
   * Returns the highest index up to `index` whose term is at most `term`. Above this index two logs cannot
   * agree, so the leader skips whole terms at once (paper, 5.3; etcd-io/raft: `findConflictByTerm`). The
   * result is below the base if the log no longer has the terms.
   */
  findConflictByTerm(index: LogIndex, term: number): LogIndex {
    if (index < this.#baseIndex) return index;
    let end = this.lastIndex;
    for (let at = this.#runs.length - 1; at >= 0; at -= 1) {
      const run = this.#runs[at]!;
      if (run.first <= index && run.term <= term) return Math.min(index, end);
      end = run.first - 1;
    }
    return this.#baseTerm <= term ? this.#baseIndex : Math.max(0, this.#baseIndex - 1);
  }
}
