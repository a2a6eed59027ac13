import type {
  LogIndex,
  MemberId,
  RaftAppendRequest,
  RaftSnapshotPiece,
  StoreId,
} from '@mqtt-cluster/contracts';
import type { Elections } from './elections.ts';
import type { RaftState } from './raft-state.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';

/** What this member knows about the leader of one term and about the leader's log. */
interface FollowedLeader {
  readonly term: number;
  readonly leader: MemberId;
  readonly leaderStoreId: StoreId;
  /** Up to this index the local log equals the leader's log. */
  verifiedIndex: LogIndex;
  /** The highest commit index received from the leader. It may be above `verifiedIndex`. */
  leaderCommit: LogIndex;
  /** The latest heartbeat round received. All responses echo it, so that the leader can order them. */
  round: number;
  respondedRound: number;
  /** The highest index acknowledged to the leader. */
  acknowledgedIndex: LogIndex;
  /**
   * True after this member has accepted an append of this leader. From then on, a gap before an append means
   * that messages were reordered, not that the logs differ.
   */
  inSync: boolean;
  /** Appends that arrived before their predecessor, by `previousIndex`. */
  readonly outOfOrder: Map<LogIndex, RaftAppendRequest>;
  /** The round in which the oldest out-of-order append arrived. */
  outOfOrderRound: number;
}

type AppendOutcome = 'accepted' | 'outOfOrder' | 'conflict';

/**
 * The receiving side of log replication and snapshots, for followers and learners (paper, 5.3 and section 7).
 */
export class Follower {
  readonly #state: RaftState;
  readonly #elections: Elections;
  readonly #snapshots = new SnapshotReceiver();
  #followed: FollowedLeader | null = null;

  constructor(state: RaftState, elections: Elections) {
    this.#state = state;
    this.#elections = elections;
  }

  appendRequest(from: MemberId, request: RaftAppendRequest): void {
    const followed = this.#follow(from, request);
    if (followed === null || !isContiguous(request)) return;
    followed.leaderCommit = Math.max(followed.leaderCommit, request.commit);
    const outcome = this.#append(followed, request);
    if (outcome === 'outOfOrder') this.#bufferOutOfOrder(followed, request);
    else if (outcome === 'conflict') this.#reject(followed, this.#rejectHint(request));
    else this.#appendBuffered(followed);
    this.#state.commitTo(Math.min(followed.leaderCommit, followed.verifiedIndex));
    if (outcome === 'accepted') this.#respond(followed, request);
    if (followed.outOfOrder.size > 0 && request.round > followed.outOfOrderRound) {
      // The missing append has not arrived within one heartbeat round, so it is lost.
      followed.outOfOrderRound = request.round;
      this.#reject(followed, followed.verifiedIndex);
    }
  }

  /** Handles a stored write: sends one acknowledgement for all entries in the write. */
  stored(): void {
    const followed = this.#current();
    if (followed === null) return;
    if (Math.min(followed.verifiedIndex, this.#state.unstable.storedIndex) > followed.acknowledgedIndex)
      this.#acknowledge(followed);
  }

  snapshotPiece(from: MemberId, piece: RaftSnapshotPiece): void {
    const followed = this.#follow(from, piece);
    if (followed === null) return;
    const state = this.#state;
    if (piece.index <= state.commitIndex) {
      this.#snapshots.clear();
      this.#acknowledge(followed);
      return;
    }
    const snapshot = this.#snapshots.add(piece);
    if (snapshot === null) {
      const offset = this.#snapshots.receivedBytes(piece);
      const { index } = piece;
      state.send(from, piece.storeId, {
        type: 'snapshotResponse',
        index,
        offset,
        installed: false,
        round: followed.round,
      });
      return;
    }
    followed.verifiedIndex = Math.max(followed.verifiedIndex, snapshot.index);
    if (state.log.termAt(snapshot.index) === snapshot.term) {
      // The log already contains all entries that the snapshot covers. They are on the disk or in a write in
      // flight.
      state.commitTo(snapshot.index);
      this.#acknowledge(followed);
      return;
    }
    followed.outOfOrder.clear();
    state.installSnapshot(snapshot);
    state.sendAfter(state.unstable.barrier, from, piece.storeId, {
      type: 'snapshotResponse',
      index: snapshot.index,
      offset: snapshot.data.length,
      installed: true,
      round: followed.round,
    });
  }

  #current(): FollowedLeader | null {
    const followed = this.#followed;
    const { term, role } = this.#state;
    return followed !== null && followed.term === term && role !== 'leader' ? followed : null;
  }

  /**
   * Accepts the sender as the leader of the message's term. @returns null if the sender cannot be the leader
   */
  #follow(from: MemberId, message: RaftAppendRequest | RaftSnapshotPiece): FollowedLeader | null {
    const state = this.#state;
    if (message.term < state.term) {
      // The newer term in the response makes the sender step down. The sender is either a former leader, or
      // the current leader of a member that raised its own term during an isolation.
      this.#rejectOldTerm(from, message);
      return null;
    }
    if (message.term === state.term && state.role === 'leader') return null;
    const known = this.#current();
    if (known !== null && known.term === message.term && known.leader !== from) return null;
    state.becomeFollower(message.term, from, 'another member leads a newer term');
    this.#elections.leaderContacted();
    if (known === null || known.term !== message.term) this.#followed = this.#begin(from, message.storeId);
    const followed = this.#followed!;
    followed.round = Math.max(followed.round, message.round);
    return followed;
  }

  #begin(leader: MemberId, leaderStoreId: StoreId): FollowedLeader {
    return {
      term: this.#state.term,
      leader,
      leaderStoreId,
      // Every leader has all committed entries (paper, 5.4: leader completeness).
      verifiedIndex: this.#state.commitIndex,
      leaderCommit: 0,
      round: 0,
      respondedRound: -1,
      acknowledgedIndex: 0,
      inSync: false,
      outOfOrder: new Map(),
      outOfOrderRound: 0,
    };
  }

  #append(followed: FollowedLeader, request: RaftAppendRequest): AppendOutcome {
    const state = this.#state;
    const { previousIndex, entries } = request;
    if (previousIndex > state.log.lastIndex)
      return followed.inSync && entries.length > 0 ? 'outOfOrder' : 'conflict';
    // Committed entries equal the leader's entries. This member skips them, because its log may already be
    // compacted up to them.
    const skipped = Math.max(0, state.commitIndex - previousIndex);
    if (skipped === 0 && state.log.termAt(previousIndex) !== request.previousTerm) return 'conflict';
    for (let at = skipped; at < entries.length; at += 1) {
      const entry = entries[at]!;
      const term = state.log.termAt(entry.index);
      if (term === entry.term) continue;
      if (term !== undefined) state.truncateFrom(entry.index);
      state.append(entry);
    }
    followed.inSync = true;
    followed.verifiedIndex = Math.max(followed.verifiedIndex, previousIndex + entries.length);
    return 'accepted';
  }

  #bufferOutOfOrder(followed: FollowedLeader, request: RaftAppendRequest): void {
    if (followed.outOfOrder.size === 0) followed.outOfOrderRound = request.round;
    if (followed.outOfOrder.size < this.#state.options.appendsInFlightMax)
      followed.outOfOrder.set(request.previousIndex, request);
    else this.#reject(followed, this.#rejectHint(request));
  }

  #appendBuffered(followed: FollowedLeader): void {
    for (const [previousIndex, request] of followed.outOfOrder) {
      // The map is in order of arrival. The second loop finds appends that become contiguous only after
      // another buffered append.
      if (previousIndex > this.#state.log.lastIndex) continue;
      followed.outOfOrder.delete(previousIndex);
      this.#append(followed, request);
    }
    let next = followed.outOfOrder.get(this.#state.log.lastIndex);
    while (next !== undefined) {
      followed.outOfOrder.delete(next.previousIndex);
      this.#append(followed, next);
      next = followed.outOfOrder.get(this.#state.log.lastIndex);
    }
  }

  /**
   * Responds to a heartbeat at once with the stored index; acknowledges entries only when they are stored.
   */
  #respond(followed: FollowedLeader, request: RaftAppendRequest): void {
    const stored = Math.min(followed.verifiedIndex, this.#state.unstable.storedIndex);
    const hasNews = followed.round > followed.respondedRound || stored > followed.acknowledgedIndex;
    const allStored = stored >= request.previousIndex + request.entries.length;
    if (request.entries.length === 0 ? hasNews : allStored) this.#acknowledge(followed);
  }

  #acknowledge(followed: FollowedLeader): void {
    const matchIndex = Math.min(followed.verifiedIndex, this.#state.unstable.storedIndex);
    followed.acknowledgedIndex = Math.max(followed.acknowledgedIndex, matchIndex);
    followed.respondedRound = followed.round;
    this.#state.send(followed.leader, followed.leaderStoreId, {
      type: 'appendResponse',
      success: true,
      matchIndex,
      conflictTerm: 0,
      round: followed.round,
    });
  }

  /**
   * Returns the highest index up to which the logs of leader and follower may be equal (etcd-io/raft:
   * `RejectHint`).
   */
  #rejectHint(request: RaftAppendRequest): LogIndex {
    const { log, commitIndex } = this.#state;
    const at = Math.min(request.previousIndex, log.lastIndex);
    return Math.max(commitIndex, log.findConflictByTerm(at, request.previousTerm));
  }

  #reject(followed: FollowedLeader, matchIndex: LogIndex): void {
    this.#state.send(followed.leader, followed.leaderStoreId, {
      type: 'appendResponse',
      success: false,
      matchIndex,
      conflictTerm: this.#state.log.termAt(matchIndex) ?? 0,
      round: followed.round,
    });
  }

  #rejectOldTerm(from: MemberId, message: RaftAppendRequest | RaftSnapshotPiece): void {
    this.#state.send(from, message.storeId, {
      type: 'appendResponse',
      success: false,
      matchIndex: this.#state.log.lastIndex,
      conflictTerm: 0,
      round: message.round,
    });
  }
}

/**
 * Returns whether the entries follow `previousIndex` without gaps and with valid terms. Other appends must
 * not change the log, even if they come from the leader.
 */
function isContiguous({ entries, previousIndex, previousTerm, term }: RaftAppendRequest): boolean {
  let before = previousTerm;
  for (const [at, entry] of entries.entries()) {
    if (entry.index !== previousIndex + 1 + at || entry.term < before || entry.term > term) return false;
    before = entry.term;
  }
  return true;
}
