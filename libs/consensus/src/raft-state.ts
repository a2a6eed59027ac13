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
import { Journal } from './unstable-log.ts';
import { RaftLog } from './raft-log.ts';
import type { RaftEnvelope, RaftEvent, RaftInitial, RaftOptions, RaftRole } from './types.ts';

/** Omit that keeps the members of a union apart. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type Headless = Without<RaftMessage, 'term' | 'storeId' | 'toStoreId'>;

/** What all parts of one member share: its term, role, log and time, and what it is about to put out. */
export class Core {
  readonly options: RaftOptions;
  readonly log: RaftLog;
  readonly journal: Journal;
  readonly configs: Configurations;
  nowMs = 0;
  term: number;
  votedFor: string | null;
  role: RaftRole = 'none';
  leader: MemberId | null = null;
  commitIndex: LogIndex;
  /** The last entry given out as committed. */
  handedOut: LogIndex;
  leaderHeardAtMs = -Infinity;
  electionAtMs = Infinity;
  restore: Snapshot | null = null;
  messages: RaftEnvelope[] = [];
  events: RaftEvent[] = [];

  constructor(options: RaftOptions, initial: RaftInitial) {
    const base = initial.snapshot ?? { index: 0, term: 0 };
    this.options = options;
    this.log = new RaftLog(base, []);
    this.configs = new Configurations(initial.config, base.index);
    for (const entry of initial.entries) this.#append(entry);
    // A vote for a term below the log's own can only mean that the two were written apart: the term counts.
    this.term = Math.max(initial.hardState.term, this.log.lastTerm);
    this.votedFor = this.term === initial.hardState.term ? initial.hardState.votedFor : null;
    this.commitIndex = base.index;
    this.journal = new Journal(this.log, { term: this.term, votedFor: this.votedFor });
    this.handedOut = base.index;
    this.role = this.restingRole();
  }

  /**
   * May campaign and vote. One that is being removed or demoted still may until that is committed: it can be the only
   * one that has the entry, and then is needed to commit it (thesis, 4.2.2). Its own vote does not count then.
   */
  get isVoter(): boolean {
    return this.restingRole() === 'follower';
  }

  /** What this member is when it neither leads nor campaigns. */
  restingRole(): RaftRole {
    const { id, storeId } = this.options;
    const self = this.configs.find(id, storeId);
    if (self?.role === 'voter') return 'follower';
    if (this.configs.index > this.commitIndex && this.configs.wasVoter(id, storeId)) return 'follower';
    return self === undefined ? 'none' : 'learner';
  }

  emit(event: RaftEvent): void {
    this.events.push(event);
  }

  /** Sends once the term that the message promises is stored. */
  send(to: MemberId, toStoreId: StoreId, message: Headless): void {
    this.sendAfter(this.journal.hardStateBarrier, to, toStoreId, message);
  }

  sendAfter(barrier: number, to: MemberId, toStoreId: StoreId, message: Headless): void {
    const header = { term: this.term, storeId: this.options.storeId, toStoreId };
    const envelope = this.journal.holdUntil(barrier, to, { ...message, ...header });
    if (envelope !== null) this.messages.push(envelope);
  }

  /** Sends a message that promises nothing (pre-votes), for a term that need not be this member's. */
  sendUnbound(to: MemberId, toStoreId: StoreId, term: number, message: Headless): void {
    this.messages.push({ to, message: { ...message, term, storeId: this.options.storeId, toStoreId } });
  }

  setHardState(hardState: HardState): void {
    this.term = hardState.term;
    this.votedFor = hardState.votedFor;
    this.journal.setHardState(hardState);
  }

  setLeader(leader: MemberId | null): void {
    if (this.leader === leader) return;
    this.leader = leader;
    this.emit({ kind: 'leader', leader, term: this.term });
  }

  /** Back to following `leader` (null: unknown) in a term at least as new. */
  becomeFollower(term: number, leader: MemberId | null, reason: string): void {
    if (this.role === 'leader') this.emit({ kind: 'steppedDown', term: this.term, reason });
    const wasResting = this.role === this.restingRole();
    if (term > this.term) {
      this.setLeader(null);
      this.setHardState({ term, votedFor: null });
    }
    this.role = this.restingRole();
    this.setLeader(leader);
    if (!wasResting) this.armElection();
  }

  /** A fresh random time-out, so that members do not start together (paper, 5.2). */
  armElection(): void {
    const { electionMsMin, electionMsMax } = this.options.timings;
    const span = electionMsMax - electionMsMin;
    this.electionAtMs = this.nowMs + electionMsMin + Math.floor(this.options.random() * span);
  }

  append(entry: LogEntry): void {
    if (this.#append(entry)) this.#configChanged();
  }

  /** Drops a tail that another leader's entries replace. */
  truncateFrom(index: LogIndex): void {
    this.emit({ kind: 'tailOverwritten', from: index });
    this.log.truncateFrom(index);
    this.journal.truncated(index);
    if (this.configs.truncateFrom(index)) this.#configChanged();
  }

  install(snapshot: Snapshot): void {
    this.log.reset(snapshot.index, snapshot.term);
    this.journal.replaced(snapshot, this.commitIndex);
    this.configs.reset(snapshot.config, snapshot.index);
    this.commitIndex = snapshot.index;
    this.handedOut = snapshot.index;
    this.restore = snapshot;
    this.#configChanged();
  }

  commitTo(index: LogIndex): void {
    const reached = Math.min(index, this.log.lastIndex);
    if (!(reached > this.commitIndex)) return;
    const changesMembers = this.configs.index > this.commitIndex && this.configs.index <= reached;
    this.commitIndex = reached;
    if (changesMembers) this.#adoptRole();
  }

  #append(entry: LogEntry): boolean {
    this.log.append(entry);
    return this.configs.append(entry);
  }

  #configChanged(): void {
    if (this.configs.current !== null) this.emit({ kind: 'configChanged', config: this.configs.current });
    this.#adoptRole();
  }

  #adoptRole(): void {
    const campaigning = this.role === 'candidate' || this.role === 'preCandidate';
    if (this.role !== 'leader' && !(campaigning && this.isVoter)) this.role = this.restingRole();
  }
}
