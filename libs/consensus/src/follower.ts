import type {
  LogIndex,
  MemberId,
  RaftAppendRequest,
  RaftSnapshotPiece,
  StoreId,
} from '@mqtt-cluster/contracts';
import type { Core } from './raft-state.ts';
import type { Elections } from './elections.ts';
import { IncomingSnapshot } from './snapshot-receiver.ts';

/** What is known of the log of one term's leader. */
interface Following {
  readonly term: number;
  readonly leader: MemberId;
  readonly leaderStoreId: StoreId;
  /** This log equals the leader's up to here. */
  verified: LogIndex;
  /** The leader's commit index, as last heard; may be ahead of what is verified. */
  leaderCommit: LogIndex;
  /** The latest round heard: echoed in all answers, so they tell in which order they were given. */
  round: number;
  answeredRound: number;
  /** The highest index acknowledged. */
  acknowledged: LogIndex;
  /** An append has succeeded: gaps from now on are messages out of order rather than a log that differs. */
  inSync: boolean;
  /** Appends that came before the one they follow, by the index they follow. */
  readonly early: Map<LogIndex, RaftAppendRequest>;
  /** The round in which the oldest of them came. */
  earlyRound: number;
}

/** The receiving side of log replication and snapshots (paper, 5.3 and section 7). */
export class Followership {
  readonly #core: Core;
  readonly #elections: Elections;
  readonly #incoming = new IncomingSnapshot();
  #following: Following | null = null;

  constructor(core: Core, elections: Elections) {
    this.#core = core;
    this.#elections = elections;
  }

  append(from: MemberId, request: RaftAppendRequest): void {
    const following = this.#follow(from, request);
    if (following === null || !isConsecutive(request)) return;
    following.leaderCommit = Math.max(following.leaderCommit, request.commit);
    const outcome = this.#accept(following, request);
    if (outcome === 'early') this.#keepEarly(following, request);
    else if (outcome === 'conflict') this.#refuse(following, this.#hintFor(request));
    else this.#acceptEarly(following);
    this.#core.commitTo(Math.min(following.leaderCommit, following.verified));
    if (outcome === 'accepted') this.#answer(following, request);
    if (following.early.size > 0 && request.round > following.earlyRound) {
      // A heartbeat later the one they follow is lost for certain.
      following.earlyRound = request.round;
      this.#refuse(following, following.verified);
    }
  }

  /** Entries reached the disk: one answer for all of them. */
  stored(): void {
    const following = this.#current();
    if (following === null) return;
    if (Math.min(following.verified, this.#core.journal.storedIndex) > following.acknowledged)
      this.#acknowledge(following);
  }

  snapshotPiece(from: MemberId, piece: RaftSnapshotPiece): void {
    const following = this.#follow(from, piece);
    if (following === null) return;
    const core = this.#core;
    if (piece.index <= core.commitIndex) {
      this.#incoming.clear();
      this.#acknowledge(following);
      return;
    }
    const snapshot = this.#incoming.add(piece);
    if (snapshot === null) {
      const offset = this.#incoming.receivedOf(piece);
      const { index } = piece;
      core.send(from, piece.storeId, {
        type: 'snapshotResponse',
        index,
        offset,
        installed: false,
        round: following.round,
      });
      return;
    }
    following.verified = Math.max(following.verified, snapshot.index);
    if (core.log.termAt(snapshot.index) === snapshot.term) {
      // All that it stands for is here already, or on its way to the disk.
      core.commitTo(snapshot.index);
      this.#acknowledge(following);
      return;
    }
    following.early.clear();
    core.install(snapshot);
    core.sendAfter(core.journal.barrier, from, piece.storeId, {
      type: 'snapshotResponse',
      index: snapshot.index,
      offset: snapshot.data.length,
      installed: true,
      round: following.round,
    });
  }

  #current(): Following | null {
    const following = this.#following;
    const { term, role } = this.#core;
    return following !== null && following.term === term && role !== 'leader' ? following : null;
  }

  /** Takes the sender for the leader of its term. @returns null when it can't be */
  #follow(from: MemberId, message: RaftAppendRequest | RaftSnapshotPiece): Following | null {
    const core = this.#core;
    if (message.term < core.term) {
      // Tells a leader of the past, or one whose term this member has left behind while away, to step down.
      this.#answerOldTerm(from, message);
      return null;
    }
    if (message.term === core.term && core.role === 'leader') return null;
    const known = this.#current();
    if (known !== null && known.term === message.term && known.leader !== from) return null;
    core.becomeFollower(message.term, from, 'a leader of a newer term');
    this.#elections.leaderHeard();
    if (known === null || known.term !== message.term) this.#following = this.#begin(from, message.storeId);
    const following = this.#following!;
    following.round = Math.max(following.round, message.round);
    return following;
  }

  #begin(leader: MemberId, leaderStoreId: StoreId): Following {
    return {
      term: this.#core.term,
      leader,
      leaderStoreId,
      // Every leader has all that was ever committed (paper, 5.4).
      verified: this.#core.commitIndex,
      leaderCommit: 0,
      round: 0,
      answeredRound: -1,
      acknowledged: 0,
      inSync: false,
      early: new Map(),
      earlyRound: 0,
    };
  }

  #accept(following: Following, request: RaftAppendRequest): 'accepted' | 'early' | 'conflict' {
    const core = this.#core;
    const { previousIndex, entries } = request;
    if (previousIndex > core.log.lastIndex)
      return following.inSync && entries.length > 0 ? 'early' : 'conflict';
    // Committed entries are the leader's, too; the log may no longer have them.
    const skipped = Math.max(0, core.commitIndex - previousIndex);
    if (skipped === 0 && core.log.termAt(previousIndex) !== request.previousTerm) return 'conflict';
    for (let at = skipped; at < entries.length; at += 1) {
      const entry = entries[at]!;
      const term = core.log.termAt(entry.index);
      if (term === entry.term) continue;
      if (term !== undefined) core.truncateFrom(entry.index);
      core.append(entry);
    }
    following.inSync = true;
    following.verified = Math.max(following.verified, previousIndex + entries.length);
    return 'accepted';
  }

  #keepEarly(following: Following, request: RaftAppendRequest): void {
    if (following.early.size === 0) following.earlyRound = request.round;
    if (following.early.size < this.#core.options.appendsInFlightMax)
      following.early.set(request.previousIndex, request);
    else this.#refuse(following, this.#hintFor(request));
  }

  #acceptEarly(following: Following): void {
    for (const [previousIndex, request] of following.early) {
      // Kept in the order of arrival; what has become contiguous meanwhile is found by the next look-up.
      if (previousIndex > this.#core.log.lastIndex) continue;
      following.early.delete(previousIndex);
      this.#accept(following, request);
    }
    let next = following.early.get(this.#core.log.lastIndex);
    while (next !== undefined) {
      following.early.delete(next.previousIndex);
      this.#accept(following, next);
      next = following.early.get(this.#core.log.lastIndex);
    }
  }

  /** Heartbeats are answered at once with what is stored; entries when they are stored. */
  #answer(following: Following, request: RaftAppendRequest): void {
    const stored = Math.min(following.verified, this.#core.journal.storedIndex);
    const isNews = following.round > following.answeredRound || stored > following.acknowledged;
    const isDone = stored >= request.previousIndex + request.entries.length;
    if (request.entries.length === 0 ? isNews : isDone) this.#acknowledge(following);
  }

  #acknowledge(following: Following): void {
    const matchIndex = Math.min(following.verified, this.#core.journal.storedIndex);
    following.acknowledged = Math.max(following.acknowledged, matchIndex);
    following.answeredRound = following.round;
    this.#core.send(following.leader, following.leaderStoreId, {
      type: 'appendResponse',
      success: true,
      matchIndex,
      conflictTerm: 0,
      round: following.round,
    });
  }

  /** Above this the two logs cannot agree. */
  #hintFor(request: RaftAppendRequest): LogIndex {
    const { log, commitIndex } = this.#core;
    const at = Math.min(request.previousIndex, log.lastIndex);
    return Math.max(commitIndex, log.lastWithTermAtMost(at, request.previousTerm));
  }

  #refuse(following: Following, matchIndex: LogIndex): void {
    this.#core.send(following.leader, following.leaderStoreId, {
      type: 'appendResponse',
      success: false,
      matchIndex,
      conflictTerm: this.#core.log.termAt(matchIndex) ?? 0,
      round: following.round,
    });
  }

  #answerOldTerm(from: MemberId, message: RaftAppendRequest | RaftSnapshotPiece): void {
    this.#core.send(from, message.storeId, {
      type: 'appendResponse',
      success: false,
      matchIndex: this.#core.log.lastIndex,
      conflictTerm: 0,
      round: message.round,
    });
  }
}

/** What is not must not get into the log, whoever sent it. */
function isConsecutive({ entries, previousIndex, previousTerm, term }: RaftAppendRequest): boolean {
  let before = previousTerm;
  for (const [at, entry] of entries.entries()) {
    if (entry.index !== previousIndex + 1 + at || entry.term < before || entry.term > term) return false;
    before = entry.term;
  }
  return true;
}
