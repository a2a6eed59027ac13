import type {
  ClusterConfig,
  HardState,
  LogEntry,
  LogIndex,
  MemberId,
  Snapshot,
} from '@mqtt-cluster/contracts';
import { createRaft, lanTimings } from '../src/index.ts';
import type { Raft, RaftEvent, RaftOptions, RaftOutput, RaftWrite } from '../src/index.ts';

/** The state of a member that survives a power loss. */
export interface Disk {
  hardState: HardState;
  snapshot: Snapshot | null;
  entries: LogEntry[];
}

/** A small seeded generator of random numbers in [0, 1) (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** Parses a configuration such as `A B C +D`: a plus sign marks a learner, `D:2` is the second store of D. */
export function configOf(members: string): ClusterConfig {
  return {
    members: members
      .split(' ')
      .filter(Boolean)
      .map((word) => {
        const learner = word.startsWith('+');
        const [id, store] = (learner ? word.slice(1) : word).split(':');
        return { id: id!, storeId: `store-${id}-${store ?? 1}`, role: learner ? 'learner' : 'voter' };
      }),
  };
}

/** Creates entries from their terms: `1 1 2` is three entries. */
export function entriesOf(terms: string): LogEntry[] {
  return terms
    .split(' ')
    .filter(Boolean)
    .map((term, at) => ({
      index: at + 1,
      term: Number(term),
      kind: 'normal',
      data: bytes(`${at + 1}@${term}`),
    }));
}

export function writeTo(disk: Disk, write: RaftWrite): void {
  if (write.hardState !== undefined) disk.hardState = write.hardState;
  if (write.snapshot !== undefined) {
    disk.snapshot = write.snapshot;
    disk.entries = [];
  }
  const { truncateFrom, entries } = write;
  if (truncateFrom !== undefined) disk.entries = disk.entries.filter((entry) => entry.index < truncateFrom);
  for (const entry of entries ?? []) {
    const last = disk.entries.at(-1)?.index ?? disk.snapshot?.index ?? 0;
    if (entry.index !== last + 1)
      throw new Error(`entry ${entry.index} does not follow ${last}, the last entry on the disk`);
    disk.entries.push(entry);
  }
}

export interface MemberSetup {
  readonly storeId?: string;
  readonly config: ClusterConfig | null;
  readonly hardState?: HardState;
  readonly entries?: readonly LogEntry[];
}

/** One member with its disk. Its state machine is only a digest of all applied entries. */
export class Member {
  readonly id: MemberId;
  readonly storeId: string;
  readonly founders: ClusterConfig | null;
  readonly disk: Disk;
  readonly random: () => number;
  readonly options: Partial<RaftOptions>;
  raft!: Raft;
  up = false;
  /** How far this member's monotonic clock is ahead of the test's clock: clocks of hosts are unrelated. */
  clockAheadMs = 0;
  /** Writes that are not synced yet. */
  writes: RaftWrite[] = [];
  applied: LogIndex = 0;
  digest = '';
  appliedTerm = 0;
  appliedConfig: ClusterConfig | null = null;
  committed: LogEntry[] = [];
  events: RaftEvent[] = [];
  restores = 0;

  constructor(id: MemberId, setup: MemberSetup, random: () => number, options: Partial<RaftOptions>) {
    this.id = id;
    this.storeId = setup.storeId ?? `store-${id}-1`;
    this.founders = setup.config;
    this.random = random;
    this.options = options;
    this.disk = {
      hardState: setup.hardState ?? { term: 0, votedFor: null },
      snapshot: null,
      entries: [...(setup.entries ?? [])],
    };
    this.start();
  }

  get role(): string {
    return this.raft.status().role;
  }

  get commit(): LogIndex {
    return this.raft.status().commitIndex;
  }

  get term(): number {
    return this.raft.status().term;
  }

  /** Starts with the state on the disk; everything in memory is lost. */
  start(): void {
    const { hardState, snapshot, entries } = this.disk;
    this.up = true;
    this.writes = [];
    this.committed = [];
    this.#load(snapshot);
    this.raft = createRaft(
      {
        id: this.id,
        storeId: this.storeId,
        timings: lanTimings,
        random: this.random,
        appendBytesMax: 1_000,
        appendsInFlightMax: 4,
        snapshotPieceBytes: 16,
        ...this.options,
      },
      {
        hardState,
        snapshot: snapshot === null ? null : { index: snapshot.index, term: snapshot.term },
        config: snapshot?.config ?? this.founders,
        entries: [...entries],
      },
    );
  }

  crash(): void {
    this.up = false;
    this.writes = [];
  }

  apply(output: RaftOutput): void {
    this.events.push(...output.events);
    if (output.restore !== null) {
      this.restores += 1;
      this.#load(output.restore);
    }
    for (const entry of output.committed) {
      if (entry.index !== this.applied + 1)
        throw new Error(`${this.id} applies entry ${entry.index} after ${this.applied}`);
      this.applied = entry.index;
      this.appliedTerm = entry.term;
      if (entry.config !== undefined) this.appliedConfig = entry.config;
      this.digest = digestAfter(this.digest, entry);
      this.committed.push(entry);
    }
  }

  snapshot(): Snapshot {
    const { applied, appliedTerm, appliedConfig, digest } = this;
    return {
      index: applied,
      term: appliedTerm,
      config: appliedConfig ?? { members: [] },
      data: bytes(digest),
    };
  }

  /**
   * Writes a snapshot of the applied state to the disk and compacts the log, if all applied entries are
   * synced.
   */
  compact(keepEntries: number): void {
    const snapshot = this.snapshot();
    const last = this.disk.entries.at(-1)?.index ?? this.disk.snapshot?.index ?? 0;
    if (snapshot.index === 0 || snapshot.index > last || this.writes.length > 0) return;
    const keepFrom = snapshot.index - keepEntries;
    if (keepEntries === 0 || keepFrom > 0) {
      this.disk.snapshot = snapshot;
      this.disk.entries = this.disk.entries.filter((entry) => entry.index > snapshot.index);
      this.raft.compact(snapshot.index, keepEntries);
    }
  }

  #load(snapshot: Snapshot | null): void {
    this.applied = snapshot?.index ?? 0;
    this.appliedTerm = snapshot?.term ?? 0;
    this.appliedConfig = snapshot?.config ?? this.founders;
    this.digest = snapshot === null ? '' : text(snapshot.data);
  }
}

/** Returns a digest of fixed length over all entries applied so far. */
export function digestAfter(before: string, entry: LogEntry): string {
  let hash = 2166136261;
  for (const character of `${before}/${entry.index}/${entry.term}/${entry.kind}/${text(entry.data)}`)
    hash = Math.imul(hash ^ character.charCodeAt(0), 16777619) >>> 0;
  return `${hash.toString(16).padStart(8, '0')}${String(entry.index).padStart(40, '.')}`;
}
