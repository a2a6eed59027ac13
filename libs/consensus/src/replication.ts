import type {
  LogEntry,
  LogIndex,
  MemberId,
  RaftAppendResponse,
  RaftSnapshotResponse,
} from '@mqtt-cluster/contracts';
import type { Core } from './raft-state.ts';
import type { Peer } from './progress.ts';
import { Rounds } from './heartbeat-rounds.ts';
import { SnapshotSender } from './snapshot-sender.ts';

/**
 * Heartbeats of a leader with nothing to tell are this much rarer, at a third of the cost of an idle cluster. One that is late
 * may bring a follower to ask for pre-votes, which the others refuse as long as they hear the leader.
 */
const quietHeartbeatFactor = 2.9;
/** The shortest election time-out must be so much longer than that. */
const quietHeartbeatMargin = 1.3;

/** The leader's side of log replication (paper, 5.3 and 5.4; thesis, 10.2 for pipelining and the own disk). */
export class Replication {
  readonly #core: Core;
  readonly #peers: ReadonlyMap<MemberId, Peer>;
  readonly #rounds = new Rounds();
  readonly snapshots: SnapshotSender;
  #heartbeatAtMs = -Infinity;

  constructor(core: Core, peers: ReadonlyMap<MemberId, Peer>) {
    this.#core = core;
    this.#peers = peers;
    this.snapshots = new SnapshotSender(core, this.#rounds);
  }

  answers(peer: Peer): boolean {
    return this.#core.nowMs - peer.heardAtMs < this.#core.options.timings.electionMsMax;
  }

  beginRound(): void {
    this.#heartbeatAtMs = this.#core.nowMs;
    this.#rounds.begin(this.#core.nowMs);
  }

  /**
   * @param mayRest false while something waits for the next round
   * @returns whether a round of heartbeats has begun
   */
  tick(mayRest: boolean): boolean {
    const { nowMs, options } = this.#core;
    const { heartbeatMs } = options.timings;
    const sinceMs = nowMs - this.#heartbeatAtMs;
    if (sinceMs < heartbeatMs || (mayRest && sinceMs < heartbeatMs * quietHeartbeatFactor && this.#isQuiet()))
      return false;
    this.beginRound();
    for (const peer of this.#peers.values()) {
      if (peer.mode === 'replicate' && this.#isStuck(peer)) peer.probeFrom(peer.match + 1);
      if (peer.mode === 'probe') this.#probe(peer);
      // A probe of one that answers carries entries, and may stand behind bulk: the leader must be heard meanwhile.
      if (peer.mode !== 'probe' || this.answers(peer)) this.#heartbeat(peer);
      if (peer.mode === 'snapshot') this.snapshots.tick(peer);
    }
    return true;
  }

  link(peer: Peer, state: 'up' | 'down' | 'refused'): void {
    if (state !== 'up') {
      // What was on the way is lost.
      if (peer.mode === 'replicate') peer.probeFrom(peer.match + 1);
      return;
    }
    if (peer.mode === 'probe') peer.probing = false;
    if (peer.transfer !== null) peer.transfer.sentAtMs = null;
  }

  /** Called once per output, so that everything proposed meanwhile shares an append. */
  flush(): void {
    let sending = false;
    for (const peer of this.#peers.values()) {
      if (peer.mode === 'replicate') this.#fill(peer);
      else if (peer.mode === 'probe' && !peer.probing) this.#probe(peer);
      if (peer.mode !== 'snapshot') continue;
      if (this.answers(peer)) this.snapshots.send(peer);
      // Gone in the middle: the transfer starts again from what the peer then says it has.
      else peer.transfer = null;
      sending ||= this.answers(peer);
    }
    this.snapshots.releaseUnless(sending);
  }

  appendResponse(peer: Peer, response: RaftAppendResponse): void {
    const { nowMs, log } = this.#core;
    const { matchIndex, round } = response;
    peer.hasAnswered = true;
    peer.heardAtMs = Math.max(peer.heardAtMs, this.#rounds.sentAtMs(round));
    if (!response.success) {
      this.#rejected(peer, response);
      return;
    }
    if (matchIndex > log.lastIndex) return;
    const found = peer.mode === 'probe' && matchIndex >= peer.next - 1;
    const isNews = matchIndex > peer.match;
    if (isNews) peer.acknowledged(matchIndex, round, nowMs);
    this.snapshots.acknowledged(peer);
    if (peer.mode === 'replicate') peer.next = Math.max(peer.next, peer.match + 1);
    else if (found || (isNews && matchIndex >= log.baseIndex)) peer.replicateFrom(matchIndex + 1);
    if (isNews) this.advanceCommit();
  }

  snapshotResponse(peer: Peer, response: RaftSnapshotResponse): void {
    peer.hasAnswered = true;
    peer.heardAtMs = Math.max(peer.heardAtMs, this.#rounds.sentAtMs(response.round));
    if (peer.mode !== 'snapshot' || !this.snapshots.answered(peer, response)) return;
    if (response.index > peer.match) peer.acknowledged(response.index, response.round, this.#core.nowMs);
    this.snapshots.acknowledged(peer);
    peer.replicateFrom(peer.match + 1);
    this.advanceCommit();
  }

  /** Commits what a majority of the voters has stored, this member's own disk being one vote like the others. */
  advanceCommit(): void {
    const core = this.#core;
    const reached = core.configs.reachedByMajority((voter) => {
      if (voter.id === core.options.id) return core.journal.storedIndex;
      const peer = this.#peers.get(voter.id);
      return peer === undefined || peer.regressed ? 0 : peer.match;
    });
    // Entries of earlier terms are committed by one of this term only (paper, 5.4.2 and figure 8).
    if (reached > core.commitIndex && core.log.termAt(reached) === core.term) core.commitTo(reached);
  }

  /** All have everything and know that it is committed. */
  #isQuiet(): boolean {
    const { log, commitIndex, options } = this.#core;
    // With tight time-outs every heartbeat counts.
    const { electionMsMin, heartbeatMs } = options.timings;
    if (electionMsMin < heartbeatMs * quietHeartbeatFactor * quietHeartbeatMargin) return false;
    if (commitIndex < log.lastIndex) return false;
    for (const peer of this.#peers.values()) {
      if (peer.mode !== 'replicate' || peer.match < log.lastIndex || peer.commitSent < commitIndex)
        return false;
    }
    return true;
  }

  /** Silent, or appends or their answers were lost (or its disk is slow: then this is one append too many). */
  #isStuck(peer: Peer): boolean {
    if (!this.answers(peer)) return true;
    const { nowMs, options } = this.#core;
    return peer.inFlight.length > 0 && nowMs - peer.progressAtMs >= options.timings.electionMsMin;
  }

  #rejected(peer: Peer, { matchIndex, conflictTerm, round }: RaftAppendResponse): void {
    if (peer.mode === 'snapshot') return;
    if (matchIndex < peer.match) {
      // A store never loses what it acknowledged. An answer from before that acknowledgement may still come.
      if (round <= peer.matchRound) return;
      if (!peer.regressed) this.#core.emit({ kind: 'storeRegressed', member: peer.id });
      peer.regressed = true;
      peer.match = 0;
      peer.matchRound = round;
    }
    const agreed = this.#core.log.lastWithTermAtMost(matchIndex, conflictTerm);
    if (peer.mode === 'replicate') peer.probeFrom(Math.min(agreed, peer.next - 1) + 1);
    // Refusals of what was sent before the probe say nothing new.
    else if (agreed < peer.next - 1) peer.probeFrom(agreed + 1);
  }

  #fill(peer: Peer): void {
    const { log, commitIndex, options } = this.#core;
    while (peer.next <= log.lastIndex && peer.inFlight.length < options.appendsInFlightMax) {
      const entries = log.batch(peer.next, options.appendBytesMax);
      if (!this.#append(peer, peer.next - 1, entries)) return;
      if (peer.inFlight.length === 0) peer.progressAtMs = this.#core.nowMs;
      peer.next += entries.length;
      peer.inFlight.push(peer.next - 1);
    }
    if (commitIndex > peer.commitSent && this.answers(peer)) this.#heartbeat(peer);
  }

  #probe(peer: Peer): void {
    const { log, options } = this.#core;
    // A silent peer is only asked whether it is there.
    const entries = this.answers(peer) ? log.batch(peer.next, options.appendBytesMax) : [];
    peer.probing = this.#append(peer, peer.next - 1, entries);
  }

  /** Goes by what the peer is known to have, so that it may overtake appends without being refused. */
  #heartbeat(peer: Peer): void {
    const term = this.#core.log.termAt(peer.match);
    if (term === undefined) this.#send(peer, 0, 0, []);
    else this.#send(peer, peer.match, term, []);
  }

  /** @returns false when the log no longer has what the peer needs */
  #append(peer: Peer, previousIndex: LogIndex, entries: readonly LogEntry[]): boolean {
    const previousTerm = this.#core.log.termAt(previousIndex);
    if (previousTerm === undefined) {
      peer.needsSnapshot();
      return false;
    }
    this.#send(peer, previousIndex, previousTerm, entries);
    return true;
  }

  #send(peer: Peer, previousIndex: LogIndex, previousTerm: number, entries: readonly LogEntry[]): void {
    const commit = this.#core.commitIndex;
    const round = this.#rounds.current;
    peer.commitSent = commit;
    this.#core.send(peer.id, peer.storeId, {
      type: 'appendRequest',
      previousIndex,
      previousTerm,
      entries,
      commit,
      round,
    });
  }
}
