import type { HardState, LogIndex, MemberId, RaftMessage, Snapshot } from '@mqtt-cluster/contracts';
import type { RaftLog } from './raft-log.ts';
import type { RaftEnvelope, RaftWrite } from './types.ts';

/** After the disk has refused a write (disk full), the same content is written again after this time. */
const refusedRetryMs = 100;

/** A write that was given to the disk and is not yet stored. */
interface InFlightWrite {
  readonly token: number;
  readonly hardState: boolean;
  readonly snapshot: Snapshot | null;
  /** The first index that the write changes; Infinity if it changes no entry. */
  from: LogIndex;
  /**
   * When this write is stored, the log is stored up to this index. Truncation of the log lowers this index.
   */
  storedUpTo: LogIndex;
}

interface HeldMessage {
  readonly barrier: number;
  readonly envelope: RaftEnvelope;
}

/**
 * The part of the state that is not yet on the disk, and the messages that wait for it (etcd-io/raft:
 * `unstable`).
 *
 * A change is first unwritten, then part of a write in flight, then stored. Writes are numbered by tokens. A
 * barrier is the token of a write: a message held behind a barrier is sent when the write with this token is
 * stored.
 */
export class UnstableLog {
  readonly #log: RaftLog;
  #hardState: HardState;
  #hardStateDirty = false;
  #hardStateBarrier = 0;
  #snapshot: Snapshot | null = null;
  #truncateFrom: LogIndex | null = null;
  /** The first index that is not yet part of a write. */
  #unwrittenFrom: LogIndex;
  #storedIndex: LogIndex;
  #nextToken = 1;
  #storedToken = 0;
  #inFlight: InFlightWrite[] = [];
  #retryAtMs = -Infinity;
  /**
   * The newest held message per receiver and type. A newer message replaces an older one, because the newer
   * one contains at least the same information.
   */
  readonly #held = new Map<string, HeldMessage>();

  constructor(log: RaftLog, hardState: HardState) {
    this.#log = log;
    this.#hardState = hardState;
    this.#unwrittenFrom = log.lastIndex + 1;
    this.#storedIndex = log.lastIndex;
  }

  /** The highest index up to which the current log would survive a power loss. */
  get storedIndex(): LogIndex {
    return this.#storedIndex;
  }

  /** Whether the current term and vote would survive a power loss. */
  get hardStateStored(): boolean {
    return this.#hardStateBarrier <= this.#storedToken;
  }

  /** The barrier of the current term and vote. */
  get hardStateBarrier(): number {
    return this.#hardStateBarrier;
  }

  /** The barrier of all changes made so far. */
  get barrier(): number {
    return this.#isDirty() ? this.#nextToken : this.#nextToken - 1;
  }

  setHardState(hardState: HardState): void {
    // Held messages belong to an older term. Messages that are still needed are sent again in the new term.
    if (hardState.term !== this.#hardState.term) this.#held.clear();
    this.#hardState = hardState;
    this.#hardStateDirty = true;
    this.#hardStateBarrier = this.#nextToken;
  }

  /** Records that the log was truncated: entries from `from` on no longer count as stored. */
  truncateFrom(from: LogIndex): void {
    if (from < this.#unwrittenFrom) {
      this.#truncateFrom = Math.min(from, this.#truncateFrom ?? from);
      this.#unwrittenFrom = from;
    }
    this.#storedIndex = Math.min(this.#storedIndex, from - 1);
    for (const write of this.#inFlight) write.storedUpTo = Math.min(write.storedUpTo, from - 1);
  }

  /**
   * Records that the leader's snapshot has replaced the log.
   * @param committed the commit index before the installation. Up to this index the entries on the disk stay
   * valid until the snapshot is stored
   */
  installSnapshot(snapshot: Snapshot, committed: LogIndex): void {
    this.#snapshot = snapshot;
    this.#truncateFrom = null;
    this.#unwrittenFrom = snapshot.index + 1;
    this.#storedIndex = Math.min(this.#storedIndex, committed);
    for (const write of this.#inFlight) write.storedUpTo = Math.min(write.storedUpTo, committed);
  }

  /**
   * Records that a snapshot of this member's own state is stored: entries up to `index` need no further
   * write.
   */
  snapshotStored(index: LogIndex): void {
    if (this.#snapshot !== null) return;
    this.#storedIndex = Math.max(this.#storedIndex, index);
    this.#unwrittenFrom = Math.max(this.#unwrittenFrom, index + 1);
    if (this.#truncateFrom !== null) this.#truncateFrom = Math.max(this.#truncateFrom, index + 1);
    for (const write of this.#inFlight) write.from = Math.max(write.from, index + 1);
  }

  /**
   * Holds the message until `barrier` is stored.
   * @returns the envelope if the barrier is stored already, else null
   */
  holdUntilStored(barrier: number, to: MemberId, message: RaftMessage): RaftEnvelope | null {
    const envelope: RaftEnvelope = { to, message };
    if (barrier <= this.#storedToken) return envelope;
    this.#held.set(`${to}/${message.type}`, { barrier, envelope });
    return null;
  }

  /**
   * Returns all unwritten changes as one write, or null if there are none or the disk has just refused a
   * write.
   */
  takeWrite(nowMs: number): RaftWrite | null {
    if (!this.#isDirty() || nowMs < this.#retryAtMs) return null;
    const token = this.#nextToken;
    const last = this.#log.lastIndex;
    const entriesFrom = this.#unwrittenFrom;
    const write: RaftWrite = {
      token,
      ...(this.#hardStateDirty ? { hardState: this.#hardState } : {}),
      ...(this.#snapshot === null ? {} : { snapshot: this.#snapshot }),
      ...(this.#truncateFrom === null ? {} : { truncateFrom: this.#truncateFrom }),
      ...(last < entriesFrom ? {} : { entries: this.#log.range(entriesFrom, last) }),
    };
    const from = Math.min(this.#truncateFrom ?? Infinity, last < entriesFrom ? Infinity : entriesFrom);
    this.#inFlight.push({
      token,
      hardState: this.#hardStateDirty,
      snapshot: this.#snapshot,
      from,
      storedUpTo: last,
    });
    this.#nextToken += 1;
    this.#hardStateDirty = false;
    this.#snapshot = null;
    this.#truncateFrom = null;
    this.#unwrittenFrom = last + 1;
    return write;
  }

  /**
   * Records that the write of `token` and all earlier writes are stored. @returns the held messages to send
   * now
   */
  stored(token: number): RaftEnvelope[] {
    // Refused writes were removed from the list, so a late report about one of them changes nothing.
    while ((this.#inFlight[0]?.token ?? Infinity) <= token) {
      const write = this.#inFlight.shift()!;
      this.#storedToken = write.token;
      this.#storedIndex = Math.max(this.#storedIndex, write.storedUpTo);
    }
    const released: RaftEnvelope[] = [];
    for (const [key, held] of this.#held) {
      if (held.barrier > this.#storedToken) continue;
      this.#held.delete(key);
      released.push(held.envelope);
    }
    return released;
  }

  /**
   * Records that the disk refused the write of `token`. Later writes in flight count as refused too, whether
   * or not they were stored. The next write contains the content of all of them and overwrites what they may
   * have left on the disk.
   */
  refused(token: number, nowMs: number): void {
    const at = this.#inFlight.findIndex((write) => write.token >= token);
    if (at < 0 || this.#inFlight[at]!.token !== token) return;
    let from = Infinity;
    let snapshot: Snapshot | null = null;
    for (const write of this.#inFlight.splice(at)) {
      this.#hardStateDirty ||= write.hardState;
      snapshot = write.snapshot ?? snapshot;
      from = Math.min(from, write.from);
    }
    this.#snapshot ??= snapshot;
    if (this.#snapshot !== null) {
      // The snapshot empties the log on the disk, so all entries after it must be written again.
      this.#unwrittenFrom = this.#snapshot.index + 1;
      this.#truncateFrom = null;
    } else if (from !== Infinity) {
      from = Math.max(from, this.#log.firstIndex);
      this.#unwrittenFrom = Math.min(from, this.#unwrittenFrom);
      this.#truncateFrom = Math.min(from, this.#truncateFrom ?? from);
    }
    // Messages held behind refused tokens are released by the next write, whose token is higher and which
    // contains the refused content.
    this.#retryAtMs = nowMs + refusedRetryMs;
  }

  #isDirty(): boolean {
    return (
      this.#hardStateDirty ||
      this.#snapshot !== null ||
      this.#truncateFrom !== null ||
      this.#log.lastIndex >= this.#unwrittenFrom
    );
  }
}
