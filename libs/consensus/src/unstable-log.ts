import type { HardState, LogIndex, MemberId, RaftMessage, Snapshot } from '@mqtt-cluster/contracts';
import type { RaftLog } from './raft-log.ts';
import type { RaftEnvelope, RaftWrite } from './types.ts';

/** How long a full disk is left alone before the same content is offered again. */
const refusedRetryMs = 100;

/** A write on its way to the disk. */
interface InFlight {
  readonly token: number;
  readonly hardState: boolean;
  readonly snapshot: Snapshot | null;
  /** The first index that it touches; Infinity when it touches none. */
  from: LogIndex;
  /** Once it is stored the log up to here is; lowered when entries it holds are overwritten meanwhile. */
  storedUpTo: LogIndex;
}

interface Held {
  readonly barrier: number;
  readonly envelope: RaftEnvelope;
}

/**
 * What is on the disk, on its way to it, and still to be written; and the messages that wait for it. A barrier
 * is the token of a write: what depends on it leaves when that token is stored.
 */
export class Journal {
  readonly #log: RaftLog;
  #hardState: HardState;
  #hardStateDirty = false;
  #hardStateBarrier = 0;
  #snapshot: Snapshot | null = null;
  #truncateFrom: LogIndex | null = null;
  /** The first index that is in no write yet. */
  #unwrittenFrom: LogIndex;
  #storedIndex: LogIndex;
  #nextToken = 1;
  #storedToken = 0;
  #inFlight: InFlight[] = [];
  #retryAtMs = -Infinity;
  /** One per receiver and type, the newest: it says all that an older one would. */
  readonly #held = new Map<string, Held>();

  constructor(log: RaftLog, hardState: HardState) {
    this.#log = log;
    this.#hardState = hardState;
    this.#unwrittenFrom = log.lastIndex + 1;
    this.#storedIndex = log.lastIndex;
  }

  /** The log up to here, as it is now, would survive a power loss. */
  get storedIndex(): LogIndex {
    return this.#storedIndex;
  }

  /** Term and vote, as they are now, would survive a power loss. */
  get hardStateStored(): boolean {
    return this.#hardStateBarrier <= this.#storedToken;
  }

  get hardStateBarrier(): number {
    return this.#hardStateBarrier;
  }

  /** The barrier of everything changed so far. */
  get barrier(): number {
    return this.#isDirty() ? this.#nextToken : this.#nextToken - 1;
  }

  setHardState(hardState: HardState): void {
    // Whatever waits to be sent belongs to an older term or is said again.
    if (hardState.term !== this.#hardState.term) this.#held.clear();
    this.#hardState = hardState;
    this.#hardStateDirty = true;
    this.#hardStateBarrier = this.#nextToken;
  }

  truncated(from: LogIndex): void {
    if (from < this.#unwrittenFrom) {
      this.#truncateFrom = Math.min(from, this.#truncateFrom ?? from);
      this.#unwrittenFrom = from;
    }
    this.#storedIndex = Math.min(this.#storedIndex, from - 1);
    for (const write of this.#inFlight) write.storedUpTo = Math.min(write.storedUpTo, from - 1);
  }

  /** The log now begins after the snapshot. `committed`: what the disk keeps valid until the snapshot is on it. */
  replaced(snapshot: Snapshot, committed: LogIndex): void {
    this.#snapshot = snapshot;
    this.#truncateFrom = null;
    this.#unwrittenFrom = snapshot.index + 1;
    this.#storedIndex = Math.min(this.#storedIndex, committed);
    for (const write of this.#inFlight) write.storedUpTo = Math.min(write.storedUpTo, committed);
  }

  /** A snapshot of the applied state is on the disk: what it stands for need not be written, or written again. */
  covered(index: LogIndex): void {
    if (this.#snapshot !== null) return;
    this.#storedIndex = Math.max(this.#storedIndex, index);
    this.#unwrittenFrom = Math.max(this.#unwrittenFrom, index + 1);
    if (this.#truncateFrom !== null) this.#truncateFrom = Math.max(this.#truncateFrom, index + 1);
    for (const write of this.#inFlight) write.from = Math.max(write.from, index + 1);
  }

  /** Sends when `barrier` is stored. @returns the envelope when that is already so */
  holdUntil(barrier: number, to: MemberId, message: RaftMessage): RaftEnvelope | null {
    const envelope: RaftEnvelope = { to, message };
    if (barrier <= this.#storedToken) return envelope;
    this.#held.set(`${to}/${message.type}`, { barrier, envelope });
    return null;
  }

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

  /** @returns the messages that waited for it */
  stored(token: number): RaftEnvelope[] {
    // Tokens that were refused are gone from the list: a late answer for one of them says nothing.
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
   * The write of `token` was refused, so those after it do not count either, whatever became of them: all their
   * content is written again, in one piece that overwrites what they may have left.
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
      // It empties the log on the disk: everything after it has to follow again.
      this.#unwrittenFrom = this.#snapshot.index + 1;
      this.#truncateFrom = null;
    } else if (from !== Infinity) {
      from = Math.max(from, this.#log.firstIndex);
      this.#unwrittenFrom = Math.min(from, this.#unwrittenFrom);
      this.#truncateFrom = Math.min(from, this.#truncateFrom ?? from);
    }
    // Barriers at refused tokens are passed by the next write, which holds all that they waited for.
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
