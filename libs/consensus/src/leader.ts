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
import { refusalOf } from './configurations.ts';
import type { Core } from './raft-state.ts';
import { Peer } from './progress.ts';
import { Replication } from './replication.ts';

/** Entries kept for peers that answer but lag, in multiples of what is kept anyway; beyond: a snapshot. */
const laggardKeepFactor = 4;

const noData = new Uint8Array(0);

interface Handover {
  readonly to: MemberId;
  readonly untilMs: number;
  asked: boolean;
}

/** One leadership: from winning an election until stepping down. */
export class Leadership {
  readonly #core: Core;
  readonly #peers = new Map<MemberId, Peer>();
  readonly #replication: Replication;
  #handover: Handover | null = null;

  constructor(core: Core) {
    this.#core = core;
    this.#replication = new Replication(core, this.#peers);
    core.role = 'leader';
    core.setLeader(core.options.id);
    core.emit({ kind: 'elected', term: core.term });
    this.#syncPeers();
    // Only an entry of its own term tells a leader what is committed (paper, 5.4.2 and section 8).
    this.#append({ kind: 'noop', data: noData });
    this.#replication.beginRound();
  }

  get transferring(): MemberId | null {
    return this.#handover?.to ?? null;
  }

  get configChangePending(): boolean {
    return this.#core.configs.index > this.#core.commitIndex;
  }

  peers(): ReadonlyMap<MemberId, Peer> {
    return this.#peers;
  }

  /** A majority has answered within the last election time-out (check-quorum; thesis, 6.2). */
  hasQuorum(): boolean {
    const { id, timings } = this.#core.options;
    const since = this.#core.nowMs - timings.electionMsMax;
    return this.#core.configs.majority((voter) => {
      if (voter.id === id) return true;
      const peer = this.#peers.get(voter.id);
      return peer !== undefined && !peer.regressed && peer.heardAtMs > since;
    });
  }

  tick(): void {
    const core = this.#core;
    if (!this.hasQuorum()) {
      core.becomeFollower(core.term, null, 'no majority answered');
      return;
    }
    if (this.#handover !== null && core.nowMs >= this.#handover.untilMs) this.#handover = null;
    // Asked once a round: the request itself may be lost.
    if (this.#replication.tick(this.#handover === null) && this.#handover !== null)
      this.#handover.asked = false;
    this.#continueHandover();
  }

  propose(data: readonly Uint8Array[]): LogIndex | null {
    if (this.#handover !== null || data.length === 0) return null;
    const first = this.#core.log.lastIndex + 1;
    for (const bytes of data) this.#append({ kind: 'normal', data: bytes });
    return first;
  }

  /** @returns why not, or null */
  proposeConfig(config: ClusterConfig): string | null {
    const { configs, log, commitIndex, term } = this.#core;
    if (this.#handover !== null) return 'leadership is being handed over';
    if (this.configChangePending) return 'another change of members is not yet committed';
    // Without it two leaders could change the members to sets that share no majority (thesis, 4.1, erratum).
    if (log.termAt(commitIndex) !== term) return 'the leader has committed nothing in its term yet';
    const refusal = refusalOf(configs.current ?? { members: [] }, config) ?? this.#obstacleTo(config);
    if (refusal !== null) return refusal;
    this.#append({ kind: 'config', data: noData, config });
    this.#syncPeers();
    return null;
  }

  transferLeadership(to?: MemberId): void {
    const core = this.#core;
    const target = to ?? this.#mostAdvanced()?.id;
    if (target === undefined || target === core.options.id || target === this.#handover?.to) return;
    if (!core.configs.voters().some((voter) => voter.id === target)) return;
    this.#handover = { to: target, untilMs: core.nowMs + core.options.timings.electionMsMax, asked: false };
    this.#continueHandover();
  }

  appendResponse(from: MemberId, response: RaftAppendResponse): void {
    const peer = this.#peers.get(from);
    if (peer?.storeId !== response.storeId) return;
    this.#replication.appendResponse(peer, response);
    this.#continueHandover();
  }

  snapshotResponse(from: MemberId, response: RaftSnapshotResponse): void {
    const peer = this.#peers.get(from);
    if (peer?.storeId !== response.storeId) return;
    this.#replication.snapshotResponse(peer, response);
  }

  /** Own entries reached the disk. */
  stored(): void {
    this.#replication.advanceCommit();
  }

  link(id: MemberId, state: 'up' | 'down' | 'refused'): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) this.#replication.link(peer, state);
  }

  provideSnapshot(snapshot: Snapshot): void {
    this.#replication.snapshots.provide(snapshot);
  }

  /** How far the log may be cut when a snapshot at `index` exists. */
  cutFor(index: LogIndex, keepEntries: number): LogIndex {
    let cut = index;
    for (const peer of this.#peers.values()) {
      const needs = peer.transfer?.snapshot.index ?? peer.match;
      cut = Math.min(cut, this.#replication.answers(peer) ? needs : index - keepEntries);
    }
    return Math.max(cut, index - keepEntries * laggardKeepFactor);
  }

  /** Sends what is due. @returns whether a snapshot is wanted */
  flush(): boolean {
    this.#replication.flush();
    // Removed or no longer a voter: it led until that was committed (thesis, 4.2.2).
    if (!this.#core.isVoter && !this.configChangePending) this.#stepAside();
    return this.#replication.snapshots.takeWanted();
  }

  #stepAside(): void {
    const successor = this.#mostAdvanced();
    if (successor !== undefined) this.#core.send(successor.id, successor.storeId, { type: 'timeoutNow' });
    this.#core.becomeFollower(this.#core.term, null, 'no voter any more');
  }

  /** A learner that does not even have the entry that made it one could neither vote nor acknowledge. */
  #obstacleTo(config: ClusterConfig): string | null {
    const { configs } = this.#core;
    for (const { id, storeId, role } of config.members) {
      if (role !== 'voter' || configs.find(id, storeId)?.role !== 'learner') continue;
      const peer = this.#peers.get(id);
      if (peer === undefined || peer.regressed || peer.match < configs.index)
        return `${id} has not caught up yet`;
    }
    return this.#canCommit(config) ? null : 'too few of the voters that would be left answer';
  }

  /** Whether a majority of these voters answers: otherwise the change could neither be committed nor taken back. */
  #canCommit(config: ClusterConfig): boolean {
    const voters = config.members.filter((member) => member.role === 'voter');
    const answering = voters.filter(({ id, storeId }) => {
      if (id === this.#core.options.id) return true;
      const peer = this.#peers.get(id);
      return (
        peer?.storeId === storeId && !peer.regressed && peer.hasAnswered && this.#replication.answers(peer)
      );
    });
    return answering.length * 2 > voters.length;
  }

  #append(content: Pick<LogEntry, 'kind' | 'data' | 'config'>): void {
    const { log, term } = this.#core;
    this.#core.append({ index: log.lastIndex + 1, term, ...content });
  }

  #syncPeers(): void {
    const { configs, options, log, nowMs } = this.#core;
    const config = configs.current ?? { members: [] };
    for (const [id, peer] of this.#peers)
      if (findMember(config, id)?.storeId !== peer.storeId) this.#peers.delete(id);
    for (const member of config.members) {
      if (member.id === options.id || this.#peers.has(member.id)) continue;
      this.#peers.set(member.id, new Peer(member, log.lastIndex + 1, nowMs));
    }
    const target = this.#handover?.to;
    if (target !== undefined && !configs.voters().some((voter) => voter.id === target)) this.#handover = null;
    // Fewer voters may need fewer acknowledgements.
    this.#replication.advanceCommit();
  }

  /** The voter that has most of the log, of those that answer. */
  #mostAdvanced(): Peer | undefined {
    let best: Peer | undefined;
    for (const voter of this.#core.configs.voters()) {
      const peer = this.#peers.get(voter.id);
      if (peer === undefined || peer.regressed || !this.#replication.answers(peer)) continue;
      if (best === undefined || peer.match > best.match) best = peer;
    }
    return best;
  }

  #continueHandover(): void {
    const handover = this.#handover;
    const peer = handover === null ? undefined : this.#peers.get(handover.to);
    if (handover === null || peer === undefined || handover.asked) return;
    if (peer.match !== this.#core.log.lastIndex || peer.regressed) return;
    handover.asked = true;
    this.#core.send(peer.id, peer.storeId, { type: 'timeoutNow' });
  }
}
