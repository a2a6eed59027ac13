import type {
  LogEntry,
  LogIndex,
  MemberId,
  RaftAppendResponse,
  RaftSnapshotResponse,
} from '@mqtt-cluster/contracts';
import { HeartbeatRounds } from './heartbeat-rounds.ts';
import type { PeerProgress } from './progress.ts';
import type { RaftState } from './raft-state.ts';
import { SnapshotSender } from './snapshot-sender.ts';

/**
 * An idle leader multiplies the time between its heartbeats by this factor, which reduces the heartbeats of
 * an idle cluster to about a third. A delayed heartbeat may then let one follower request pre-votes, but the
 * others deny them while the leader's lease lasts.
 */
const idleHeartbeatFactor = 2.9;
/**
 * Idle heartbeats are used only if the shortest election timeout is longer than their interval by this
 * factor.
 */
const idleHeartbeatMargin = 1.3;

/**
 * The leader's side of log replication (paper, 5.3 and 5.4; thesis, 10.2: pipelining, and a parallel write to
 * the leader's own disk).
 */
export class Replication {
  readonly #state: RaftState;
  readonly #peers: ReadonlyMap<MemberId, PeerProgress>;
  readonly #rounds = new HeartbeatRounds();
  readonly snapshots: SnapshotSender;
  #heartbeatAtMs = -Infinity;

  constructor(state: RaftState, peers: ReadonlyMap<MemberId, PeerProgress>) {
    this.#state = state;
    this.#peers = peers;
    this.snapshots = new SnapshotSender(state, this.#rounds);
  }

  /** Returns whether the peer has responded within the longest election timeout. */
  isActive(peer: PeerProgress): boolean {
    return this.#state.nowMs - peer.activeAtMs < this.#state.options.timings.electionMsMax;
  }

  beginRound(): void {
    this.#heartbeatAtMs = this.#state.nowMs;
    this.#rounds.begin(this.#state.nowMs);
  }

  /**
   * @param mayIdle false while a leadership transfer waits for the next round
   * @returns whether a round of heartbeats was sent
   */
  tick(mayIdle: boolean): boolean {
    if (this.#state.nowMs < this.nextRoundMs(mayIdle)) return false;
    this.beginRound();
    for (const peer of this.#peers.values()) {
      if (this.#isBeingAdded(peer)) continue;
      if (peer.state === 'replicate' && this.#isStalled(peer)) peer.becomeProbe(peer.matchIndex + 1);
      if (peer.state === 'probe') this.#sendProbe(peer);
      // An append that probes an active peer contains entries and may wait behind other bulk data. Meanwhile
      // a heartbeat renews the leader's lease.
      if (peer.state !== 'probe' || this.isActive(peer)) this.#sendHeartbeat(peer);
      if (peer.state === 'snapshot') this.snapshots.tick(peer);
    }
    return true;
  }

  /** Returns when the next round of heartbeats is due. */
  nextRoundMs(mayIdle: boolean): number {
    const { heartbeatMs } = this.#state.options.timings;
    const factor = mayIdle && this.#isIdle() ? idleHeartbeatFactor : 1;
    return this.#heartbeatAtMs + heartbeatMs * factor;
  }

  linkChanged(peer: PeerProgress, link: 'up' | 'down' | 'refused'): void {
    if (link !== 'up') {
      // The appends in flight are lost.
      if (peer.state === 'replicate') peer.becomeProbe(peer.matchIndex + 1);
      return;
    }
    if (peer.state === 'probe') peer.probeInFlight = false;
    if (peer.snapshotTransfer !== null) peer.snapshotTransfer.sentAtMs = null;
  }

  /**
   * Sends appends and snapshot pieces. `take` calls this method once per output, so that entries proposed
   * together share an append.
   */
  flush(): void {
    let sending = false;
    for (const peer of this.#peers.values()) {
      if (this.#isBeingAdded(peer)) continue;
      if (peer.state === 'replicate') this.#sendAppends(peer);
      else if (peer.state === 'probe' && !peer.probeInFlight) this.#sendProbe(peer);
      if (peer.state !== 'snapshot') continue;
      if (this.isActive(peer)) this.snapshots.send(peer);
      // The peer became unreachable during the transfer. A new transfer starts from the offset that the peer
      // reports.
      else peer.snapshotTransfer = null;
      sending ||= this.isActive(peer);
    }
    this.snapshots.releaseUnless(sending);
  }

  appendResponse(peer: PeerProgress, response: RaftAppendResponse): void {
    const { nowMs, log } = this.#state;
    const { matchIndex, round } = response;
    this.#responded(peer, round);
    if (!response.success) {
      this.#appendRejected(peer, response);
      return;
    }
    if (matchIndex > log.lastIndex) return;
    const probeMatched = peer.state === 'probe' && matchIndex >= peer.nextIndex - 1;
    const advanced = matchIndex > peer.matchIndex;
    if (advanced) peer.acknowledged(matchIndex, round, nowMs);
    this.snapshots.acknowledged(peer);
    if (peer.state === 'replicate') peer.nextIndex = Math.max(peer.nextIndex, peer.matchIndex + 1);
    else if (probeMatched || (advanced && matchIndex >= log.baseIndex)) peer.becomeReplicate(matchIndex + 1);
    if (advanced) this.advanceCommit();
  }

  snapshotResponse(peer: PeerProgress, response: RaftSnapshotResponse): void {
    this.#responded(peer, response.round);
    if (peer.state !== 'snapshot' || !this.snapshots.response(peer, response)) return;
    if (response.index > peer.matchIndex)
      peer.acknowledged(response.index, response.round, this.#state.nowMs);
    this.snapshots.acknowledged(peer);
    peer.becomeReplicate(peer.matchIndex + 1);
    this.advanceCommit();
  }

  /**
   * Commits the entries that a majority of the voters has stored. The leader's own disk counts like the disk
   * of any other voter.
   */
  advanceCommit(): void {
    const state = this.#state;
    const reached = state.configs.majorityMatchIndex((voter) => {
      if (voter.id === state.options.id) return state.unstable.storedIndex;
      const peer = this.#peers.get(voter.id);
      return peer === undefined || peer.regressed ? 0 : peer.matchIndex;
    });
    // A leader commits entries of earlier terms only together with an entry of its own term (paper, 5.4.2,
    // figure 8).
    if (reached > state.commitIndex && state.log.termAt(reached) === state.term) state.commitTo(reached);
  }

  /**
   * Returns whether the entry that adds the store as a learner is not committed yet. Such a store gets nothing: if another
   * leader overwrote the entry, the store would have a snapshot of the cluster and still be no member of it. The commit
   * needs no acknowledgement of a learner.
   */
  #isBeingAdded({ id, storeId }: PeerProgress): boolean {
    const { configs, commitIndex } = this.#state;
    if (configs.index <= commitIndex || configs.find(id, storeId)?.role === 'voter') return false;
    return !configs.isCommittedMember(id, storeId, commitIndex);
  }

  #responded(peer: PeerProgress, round: number): void {
    peer.hasResponded = true;
    peer.activeAtMs = Math.max(peer.activeAtMs, this.#rounds.sentAtMs(round));
  }

  /** Returns whether all peers have stored all entries and have received the current commit index. */
  #isIdle(): boolean {
    const { log, commitIndex, options } = this.#state;
    // With short election timeouts no heartbeat may be skipped.
    const { electionMsMin, heartbeatMs } = options.timings;
    if (electionMsMin < heartbeatMs * idleHeartbeatFactor * idleHeartbeatMargin) return false;
    if (commitIndex < log.lastIndex) return false;
    for (const peer of this.#peers.values()) {
      if (peer.state !== 'replicate' || peer.matchIndex < log.lastIndex || peer.commitSent < commitIndex)
        return false;
    }
    return true;
  }

  /**
   * Returns whether the peer is inactive or makes no progress, because appends or responses were lost. If
   * only the peer's disk is slow, the probe that follows costs one redundant append.
   */
  #isStalled(peer: PeerProgress): boolean {
    if (!this.isActive(peer)) return true;
    const { nowMs, options } = this.#state;
    return peer.inFlight.length > 0 && nowMs - peer.progressAtMs >= options.timings.electionMsMin;
  }

  #appendRejected(peer: PeerProgress, { matchIndex, conflictTerm, round }: RaftAppendResponse): void {
    if (peer.state === 'snapshot') return;
    if (matchIndex < peer.matchIndex) {
      // A response that the peer sent before its last acknowledgement may arrive late. A newer one means that
      // the peer's store has lost acknowledged entries.
      if (round <= peer.matchRound) return;
      if (!peer.regressed) this.#state.emit({ kind: 'storeRegressed', member: peer.id });
      peer.regressed = true;
      peer.matchIndex = 0;
      peer.matchRound = round;
    }
    const agreed = this.#state.log.findConflictByTerm(matchIndex, conflictTerm);
    if (peer.state === 'replicate') peer.becomeProbe(Math.min(agreed, peer.nextIndex - 1) + 1);
    // Rejections of appends that were sent before the probe contain no new information.
    else if (agreed < peer.nextIndex - 1) peer.becomeProbe(agreed + 1);
  }

  #sendAppends(peer: PeerProgress): void {
    const { log, commitIndex, options } = this.#state;
    while (peer.nextIndex <= log.lastIndex && peer.inFlight.length < options.appendsInFlightMax) {
      const entries = log.batch(peer.nextIndex, options.appendBytesMax);
      if (!this.#sendAppend(peer, peer.nextIndex - 1, entries)) return;
      if (peer.inFlight.length === 0) peer.progressAtMs = this.#state.nowMs;
      peer.nextIndex += entries.length;
      peer.inFlight.push(peer.nextIndex - 1);
    }
    if (commitIndex <= peer.commitSent || !this.isActive(peer)) return;
    if (options.isCommitAwaited?.(peer.id) ?? true) this.#sendHeartbeat(peer);
  }

  #sendProbe(peer: PeerProgress): void {
    const { log, options } = this.#state;
    // An inactive peer gets no entries: it may be unreachable.
    const entries = this.isActive(peer) ? log.batch(peer.nextIndex, options.appendBytesMax) : [];
    peer.probeInFlight = this.#sendAppend(peer, peer.nextIndex - 1, entries);
  }

  /**
   * Sends a heartbeat that refers to the peer's `matchIndex`, so that the peer accepts a heartbeat that
   * overtakes appends.
   */
  #sendHeartbeat(peer: PeerProgress): void {
    const term = this.#state.log.termAt(peer.matchIndex);
    if (term === undefined) this.#send(peer, 0, 0, []);
    else this.#send(peer, peer.matchIndex, term, []);
  }

  /** @returns false if the log no longer has the entry at `previousIndex`; the peer then needs a snapshot */
  #sendAppend(peer: PeerProgress, previousIndex: LogIndex, entries: readonly LogEntry[]): boolean {
    const previousTerm = this.#state.log.termAt(previousIndex);
    if (previousTerm === undefined) {
      peer.becomeSnapshot();
      return false;
    }
    this.#send(peer, previousIndex, previousTerm, entries);
    return true;
  }

  #send(
    peer: PeerProgress,
    previousIndex: LogIndex,
    previousTerm: number,
    entries: readonly LogEntry[],
  ): void {
    const commit = this.#state.commitIndex;
    const round = this.#rounds.current;
    peer.commitSent = commit;
    this.#state.send(peer.id, peer.storeId, {
      type: 'appendRequest',
      previousIndex,
      previousTerm,
      entries,
      commit,
      round,
    });
  }
}
