import type {
  HardState,
  LogEntry,
  LogIndex,
  MemberId,
  RaftMessage,
  Snapshot,
  StoreId,
} from '@mqtt-cluster/contracts';
import { Configurations } from './configurations.ts';
import { RaftLog } from './raft-log.ts';
import type { RaftEnvelope, RaftEvent, RaftInitialState, RaftOptions, RaftRole } from './types.ts';
import { UnstableLog } from './unstable-log.ts';

/** `Omit` that is applied to each member of a union separately. */
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** A Raft message without the header fields that `RaftState.send` fills in. */
export type RaftMessageBody = DistributiveOmit<RaftMessage, 'term' | 'storeId' | 'toStoreId'>;

/**
 * The state of one member that elections, leader and follower share: term, vote, role, log, commit index and
 * time; also the messages and events of the next output.
 */
export class RaftState {
  readonly options: RaftOptions;
  readonly log: RaftLog;
  readonly unstable: UnstableLog;
  readonly configs: Configurations;
  nowMs = 0;
  term: number;
  votedFor: string | null;
  role: RaftRole = 'none';
  leader: MemberId | null = null;
  commitIndex: LogIndex;
  /** The index of the last entry that an output has returned as committed. */
  applyingIndex: LogIndex;
  leaderContactAtMs = -Infinity;
  electionDueAtMs = Infinity;
  /** An installed snapshot that the next output returns. */
  restore: Snapshot | null = null;
  messages: RaftEnvelope[] = [];
  events: RaftEvent[] = [];

  constructor(options: RaftOptions, initial: RaftInitialState) {
    const base = initial.snapshot ?? { index: 0, term: 0 };
    this.options = options;
    this.log = new RaftLog(base, []);
    this.configs = new Configurations(initial.config, base.index);
    for (const entry of initial.entries) this.#append(entry);
    // If the last entry has a newer term than the stored vote, then term and log were written separately. The
    // log's term counts, and the vote belongs to an older term.
    this.term = Math.max(initial.hardState.term, this.log.lastTerm);
    this.votedFor = this.term === initial.hardState.term ? initial.hardState.votedFor : null;
    this.commitIndex = base.index;
    this.unstable = new UnstableLog(this.log, { term: this.term, votedFor: this.votedFor });
    this.applyingIndex = base.index;
    this.role = this.passiveRole();
  }

  /**
   * Whether this member may campaign and vote. A voter keeps this right until the config entry that removes
   * or demotes it is committed: it may be the only member that stores this entry, and must then become leader
   * in order to commit it (thesis, 4.2.2). Its own vote does not count then.
   */
  get isVoter(): boolean {
    return this.passiveRole() === 'follower';
  }

  /** Returns the role of this member while it neither leads nor campaigns. */
  passiveRole(): RaftRole {
    const { id, storeId } = this.options;
    const self = this.configs.find(id, storeId);
    if (self?.role === 'voter') return 'follower';
    if (this.configs.index > this.commitIndex && this.configs.wasVoter(id, storeId)) return 'follower';
    return self === undefined ? 'none' : 'learner';
  }

  emit(event: RaftEvent): void {
    this.events.push(event);
  }

  /** Sends the message as soon as the current term and vote are stored. */
  send(to: MemberId, toStoreId: StoreId, message: RaftMessageBody): void {
    this.sendAfter(this.unstable.hardStateBarrier, to, toStoreId, message);
  }

  /** Sends the message as soon as the write with the token `barrier` is stored. */
  sendAfter(barrier: number, to: MemberId, toStoreId: StoreId, message: RaftMessageBody): void {
    const header = { term: this.term, storeId: this.options.storeId, toStoreId };
    const envelope = this.unstable.holdUntilStored(barrier, to, { ...message, ...header });
    if (envelope !== null) this.messages.push(envelope);
  }

  /**
   * Sends a message with any term, without waiting for the disk. Only pre-votes are sent this way, because
   * they depend on no stored data (thesis, 9.6).
   */
  sendImmediately(to: MemberId, toStoreId: StoreId, term: number, message: RaftMessageBody): void {
    this.messages.push({ to, message: { ...message, term, storeId: this.options.storeId, toStoreId } });
  }

  setHardState(hardState: HardState): void {
    this.term = hardState.term;
    this.votedFor = hardState.votedFor;
    this.unstable.setHardState(hardState);
  }

  setLeader(leader: MemberId | null): void {
    if (this.leader === leader) return;
    this.leader = leader;
    this.emit({ kind: 'leader', leader, term: this.term });
  }

  /**
   * Becomes a follower of `leader` (null: unknown) in `term`. The term must not be older than the current
   * term.
   */
  becomeFollower(term: number, leader: MemberId | null, reason: string): void {
    if (this.role === 'leader') this.emit({ kind: 'steppedDown', term: this.term, reason });
    const wasPassive = this.role === this.passiveRole();
    if (term > this.term) {
      this.setLeader(null);
      this.setHardState({ term, votedFor: null });
    }
    this.role = this.passiveRole();
    this.setLeader(leader);
    if (!wasPassive) this.resetElectionTimer();
  }

  /** Picks a new random election timeout, so that members rarely campaign at the same time (paper, 5.2). */
  resetElectionTimer(): void {
    const { electionMsMin, electionMsMax } = this.options.timings;
    const span = electionMsMax - electionMsMin;
    this.electionDueAtMs = this.nowMs + electionMsMin + Math.floor(this.options.random() * span);
  }

  append(entry: LogEntry): void {
    if (this.#append(entry)) this.#configChanged();
  }

  /** Removes entries that conflict with those of a newer leader (paper, 5.3). */
  truncateFrom(index: LogIndex): void {
    this.emit({ kind: 'logTruncated', from: index });
    this.log.truncateFrom(index);
    this.unstable.truncateFrom(index);
    if (this.configs.truncateFrom(index)) this.#configChanged();
  }

  /** Replaces the log by a snapshot of the leader. */
  installSnapshot(snapshot: Snapshot): void {
    this.log.reset(snapshot.index, snapshot.term);
    this.unstable.installSnapshot(snapshot, this.commitIndex);
    this.configs.reset(snapshot.config, snapshot.index);
    this.commitIndex = snapshot.index;
    this.applyingIndex = snapshot.index;
    this.restore = snapshot;
    this.#configChanged();
  }

  commitTo(index: LogIndex): void {
    const reached = Math.min(index, this.log.lastIndex);
    if (!(reached > this.commitIndex)) return;
    const commitsConfig = this.configs.index > this.commitIndex && this.configs.index <= reached;
    this.commitIndex = reached;
    if (commitsConfig) this.#updateRole();
  }

  #append(entry: LogEntry): boolean {
    this.log.append(entry);
    return this.configs.append(entry);
  }

  #configChanged(): void {
    if (this.configs.current !== null) this.emit({ kind: 'configChanged', config: this.configs.current });
    this.#updateRole();
  }

  #updateRole(): void {
    const campaigning = this.role === 'candidate' || this.role === 'preCandidate';
    if (this.role !== 'leader' && !(campaigning && this.isVoter)) this.role = this.passiveRole();
  }
}
