import type { LogEntry, LogIndex } from '@mqtt-cluster/contracts';

/** What an entry costs in memory besides its data; keeps a log of empty entries from looking free. */
const entryOverheadBytes = 64;

function sizeOf(entry: LogEntry): number {
  return entry.data.length + entryOverheadBytes;
}

/** Consecutive entries of one term, from `first` on. Few, so conflicts are found without walking entries. */
interface TermRun {
  readonly term: number;
  readonly first: LogIndex;
}

/** The entries after the last compacted one (the base). All indices are positions in the whole log, from 1. */
export class RaftLog {
  #baseIndex: LogIndex;
  #baseTerm: number;
  #entries: LogEntry[];
  #runs: TermRun[] = [];
  #bytes = 0;

  constructor(base: { readonly index: LogIndex; readonly term: number }, entries: readonly LogEntry[]) {
    this.#baseIndex = base.index;
    this.#baseTerm = base.term;
    this.#entries = [];
    for (const entry of entries) this.append(entry);
  }

  /** The last index that is no longer in the log (0: nothing was dropped). */
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

  append(entry: LogEntry): void {
    if (entry.index !== this.lastIndex + 1) throw new Error(`entry ${entry.index} after ${this.lastIndex}`);
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

  /** Drops entries up to and including `index`, which must be in the log. */
  compact(index: LogIndex): void {
    const term = this.termAt(index);
    if (term === undefined) throw new Error(`no entry ${index} to compact to`);
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

  /** Forgets everything; the log goes on after `index`. */
  reset(index: LogIndex, term: number): void {
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#entries = [];
    this.#runs = [];
    this.#bytes = 0;
  }

  /** Entries `from` to `to`, both included; references, no copies of data. */
  range(from: LogIndex, to: LogIndex): readonly LogEntry[] {
    return this.#entries.slice(from - this.#baseIndex - 1, to - this.#baseIndex);
  }

  /** Entries from `from` on until they exceed `bytesMax`; at least one when there is one. */
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
   * The highest index up to `index` whose term is at most `term`: two logs cannot agree on anything above it
   * (paper, 5.3, skipping whole terms). Below the base when the log no longer knows.
   */
  lastWithTermAtMost(index: LogIndex, term: number): LogIndex {
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
