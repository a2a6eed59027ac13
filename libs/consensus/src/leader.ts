import type {
  ClusterConfig,
  LogEntry,
  LogIndex,
  MemberId,
  RaftAppendResponse,
  RaftSnapshotResponse,
  Snapshot,
} from '@mqtt-cluster/contracts';
import { findMember } from '@mqtt-cluster/contracts';
import { configChangeError } from './configurations.ts';
import { PeerProgress } from './progress.ts';
import type { RaftState } from './raft-state.ts';
import { Replication } from './replication.ts';

/**
 * For active peers that lag, the leader keeps at most this many times `keepEntries` log entries. A peer that
 * lags more gets a snapshot.
 */
const laggingPeerKeepFactor = 4;

const noData = new Uint8Array(0);

interface LeadershipTransfer {
  readonly to: MemberId;
  readonly untilMs: number;
  timeoutNowSent: boolean;
}

/** The leader role during one term: from winning an election until stepping down. */
export class Leader {
  readonly #state: RaftState;
  readonly #peers = new Map<MemberId, PeerProgress>();
  readonly #replication: Replication;
  #transfer: LeadershipTransfer | null = null;

  constructor(state: RaftState) {
    this.#state = state;
    this.#replication = new Replication(state, this.#peers);
    state.role = 'leader';
    state.setLeader(state.options.id);
    state.emit({ kind: 'elected', term: state.term });
    this.#syncPeers();
    // A new leader can determine the committed entries only by committing an entry of its own term (paper,
    // 5.4.2 and 8).
    this.#append({ kind: 'noop', data: noData });
    this.#replication.beginRound();
  }

  /** The member that leadership is being transferred to, or null. */
  get transferTarget(): MemberId | null {
    return this.#transfer?.to ?? null;
  }

  get configChangePending(): boolean {
    return this.#state.configs.index > this.#state.commitIndex;
  }

  peers(): ReadonlyMap<MemberId, PeerProgress> {
    return this.#peers;
  }

  /**
   * Returns whether a majority has responded within the last election timeout (check-quorum; thesis, 6.2).
   */
  hasQuorum(): boolean {
    const { id, timings } = this.#state.options;
    const since = this.#state.nowMs - timings.electionMsMax;
    return this.#state.configs.hasMajority((voter) => {
      if (voter.id === id) return true;
      const peer = this.#peers.get(voter.id);
      return peer !== undefined && !peer.regressed && peer.activeAtMs > since;
    });
  }

  tick(): void {
    const state = this.#state;
    if (!this.hasQuorum()) {
      state.becomeFollower(state.term, null, 'no majority has responded within an election timeout');
      return;
    }
    if (this.#transfer !== null && state.nowMs >= this.#transfer.untilMs) this.#transfer = null;
    // The timeoutNow message may be lost, so the leader sends it again in each heartbeat round.
    if (this.#replication.tick(this.#transfer === null) && this.#transfer !== null)
      this.#transfer.timeoutNowSent = false;
    this.#continueTransfer();
  }

  nextTickMs(): number {
    return this.#replication.nextRoundMs(this.#transfer === null);
  }

  propose(data: readonly Uint8Array[]): LogIndex | null {
    if (this.#transfer !== null || data.length === 0) return null;
    const first = this.#state.log.lastIndex + 1;
    for (const bytes of data) this.#append({ kind: 'normal', data: bytes });
    return first;
  }

  /** @returns why the change is rejected, or null if the leader has appended it */
  proposeConfig(config: ClusterConfig): string | null {
    const { configs, log, commitIndex, term } = this.#state;
    if (this.#transfer !== null) return 'a leadership transfer is in progress';
    if (this.configChangePending) return 'another configuration change is not yet committed';
    // Without this rule two leaders could create configurations whose majorities do not overlap (erratum of
    // thesis, 4.1).
    if (log.termAt(commitIndex) !== term) return 'the leader has not yet committed an entry in its term';
    const error =
      configChangeError(configs.current ?? { members: [] }, config) ?? this.#readinessError(config);
    if (error !== null) return error;
    this.#append({ kind: 'config', data: noData, config });
    this.#syncPeers();
    return null;
  }

  transferLeadership(to?: MemberId): void {
    const state = this.#state;
    const target = to ?? this.#mostUpToDatePeer()?.id;
    if (target === undefined || target === state.options.id || target === this.#transfer?.to) return;
    if (!state.configs.voters().some((voter) => voter.id === target)) return;
    const untilMs = state.nowMs + state.options.timings.electionMsMax;
    this.#transfer = { to: target, untilMs, timeoutNowSent: false };
    this.#continueTransfer();
  }

  appendResponse(from: MemberId, response: RaftAppendResponse): void {
    const peer = this.#peers.get(from);
    if (peer?.storeId !== response.storeId) return;
    this.#replication.appendResponse(peer, response);
    this.#continueTransfer();
  }

  snapshotResponse(from: MemberId, response: RaftSnapshotResponse): void {
    const peer = this.#peers.get(from);
    if (peer?.storeId !== response.storeId) return;
    this.#replication.snapshotResponse(peer, response);
  }

  /** Handles a stored write of the leader's own disk: its entries may now be committed. */
  stored(): void {
    this.#replication.advanceCommit();
  }

  linkChanged(id: MemberId, link: 'up' | 'down' | 'refused'): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) this.#replication.linkChanged(peer, link);
  }

  provideSnapshot(snapshot: Snapshot): void {
    this.#replication.snapshots.provide(snapshot);
  }

  /** Returns the index up to which the log may be compacted when a snapshot at `index` is stored. */
  compactionIndex(index: LogIndex, keepEntries: number): LogIndex {
    let compactTo = index;
    for (const peer of this.#peers.values()) {
      const needs = peer.snapshotTransfer?.snapshot.index ?? peer.matchIndex;
      compactTo = Math.min(compactTo, this.#replication.isActive(peer) ? needs : index - keepEntries);
    }
    return Math.max(compactTo, index - keepEntries * laggingPeerKeepFactor);
  }

  /** Sends pending appends and snapshot pieces. @returns whether the caller must provide a snapshot */
  flush(): boolean {
    this.#replication.flush();
    // A leader that was removed or demoted leads until that change is committed (thesis, 4.2.2).
    if (!this.#state.isVoter && !this.configChangePending) this.#stepDownAsNonVoter();
    return this.#replication.snapshots.takeNeed();
  }

  #stepDownAsNonVoter(): void {
    const successor = this.#mostUpToDatePeer();
    if (successor !== undefined) this.#state.send(successor.id, successor.storeId, { type: 'timeoutNow' });
    this.#state.becomeFollower(this.#state.term, null, 'this member is no longer a voter');
  }

  /**
   * Returns why the members are not ready for the configuration, or null. A learner may become a voter only
   * after it has stored the entry that made it a learner. Before that, the learner could neither vote nor
   * acknowledge.
   */
  #readinessError(config: ClusterConfig): string | null {
    const { configs } = this.#state;
    for (const { id, storeId, role } of config.members) {
      if (role !== 'voter' || configs.find(id, storeId)?.role !== 'learner') continue;
      const peer = this.#peers.get(id);
      if (peer === undefined || peer.regressed || peer.matchIndex < configs.index)
        return `${id} has not caught up yet`;
    }
    return this.#canCommitWith(config) ? null : 'no majority of the voters in the new configuration responds';
  }

  /**
   * Returns whether a majority of the new voters responds. Without this majority the leader could neither
   * commit nor undo the change.
   */
  #canCommitWith(config: ClusterConfig): boolean {
    const voters = config.members.filter((member) => member.role === 'voter');
    const active = voters.filter(({ id, storeId }) => {
      if (id === this.#state.options.id) return true;
      const peer = this.#peers.get(id);
      return (
        peer?.storeId === storeId && !peer.regressed && peer.hasResponded && this.#replication.isActive(peer)
      );
    });
    return active.length * 2 > voters.length;
  }

  #append(content: Pick<LogEntry, 'kind' | 'data' | 'config'>): void {
    const { log, term } = this.#state;
    this.#state.append({ index: log.lastIndex + 1, term, ...content });
  }

  /** Makes the set of peers match the current configuration. */
  #syncPeers(): void {
    const { configs, options, log, nowMs } = this.#state;
    const config = configs.current ?? { members: [] };
    for (const [id, peer] of this.#peers)
      if (findMember(config, id)?.storeId !== peer.storeId) this.#peers.delete(id);
    for (const member of config.members) {
      if (member.id === options.id || this.#peers.has(member.id)) continue;
      this.#peers.set(member.id, new PeerProgress(member, log.lastIndex + 1, nowMs));
    }
    const target = this.#transfer?.to;
    if (target !== undefined && !configs.voters().some((voter) => voter.id === target)) this.#transfer = null;
    // After the removal of a voter, a majority is smaller, and may already have stored further entries.
    this.#replication.advanceCommit();
  }

  /** Returns the active voter with the highest match index. */
  #mostUpToDatePeer(): PeerProgress | undefined {
    let best: PeerProgress | undefined;
    for (const voter of this.#state.configs.voters()) {
      const peer = this.#peers.get(voter.id);
      if (peer === undefined || peer.regressed || !this.#replication.isActive(peer)) continue;
      if (best === undefined || peer.matchIndex > best.matchIndex) best = peer;
    }
    return best;
  }

  /** Sends timeoutNow to the transfer's target once the target has the whole log (thesis, 3.10). */
  #continueTransfer(): void {
    const transfer = this.#transfer;
    const peer = transfer === null ? undefined : this.#peers.get(transfer.to);
    if (transfer === null || peer === undefined || transfer.timeoutNowSent) return;
    if (peer.matchIndex !== this.#state.log.lastIndex || peer.regressed) return;
    transfer.timeoutNowSent = true;
    this.#state.send(peer.id, peer.storeId, { type: 'timeoutNow' });
  }
}
