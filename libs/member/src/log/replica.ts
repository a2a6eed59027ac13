import { StoreFormatError, wholeBytes } from '@mqtt-cluster/contracts';
import type {
  ClusterConfig,
  LinkState,
  LogEntry,
  MemberId,
  PeerMessage,
  RaftMessage,
  Snapshot,
  SnapshotWrite,
  UnfinishedSnapshot,
} from '@mqtt-cluster/contracts';
import { createRaft } from '@mqtt-cluster/consensus';
import type { Raft, RaftEvent, RaftInitialState, RaftOutput, RaftStatus } from '@mqtt-cluster/consensus';
import type { BatchHeader, MqttState, StateEffect } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Digests } from './digests.ts';
import { bootstrapIndex, bootstrapTerm } from '../cluster/bootstrap.ts';
import type { Bootstrap } from '../cluster/bootstrap.ts';
import { headerOf } from './leader-duties.ts';
import { AdaptiveElectionTimeout } from '../cluster/adaptive-election-timeout.ts';
import type { Peers } from '../cluster/peers.ts';
import { JoinedSnapshot } from './joined-snapshot.ts';
import { SnapshotEncoding } from './snapshot-encoding.ts';
import type { SnapshotHeader } from './snapshot-encoding.ts';
import { unstamp } from './stamp.ts';
import type { CompletedWrite, PendingWrites } from './pending-writes.ts';

const appendBytesMax = 256 * 1024;
const appendsInFlightMax = 16;
const snapshotPieceBytes = 256 * 1024;
/**
 * A leader whose disk write takes longer than this transfers leadership. A healthy disk completes a write in
 * about a hundredth of this time.
 */
const slowDiskMs = 1_000;
const transferIntervalMs = 5_000;
/** Interval between attempts to store a snapshot on a full disk. */
const snapshotRetryMs = 10_000;
/**
 * The entries before a snapshot that are kept for slow peers may use at most this part of the bound on the
 * log's size.
 */
const keptPart = 1 / 4;
/**
 * A snapshot is due when the log has at least this part of the size of the last snapshot, because each snapshot writes
 * the whole state. Raising it saves disk writes, and costs memory for the log.
 */
const logPartOfState = 1 / 2;
/**
 * The members take their snapshots at different sizes of the log: member number k of n (from 0) at the bound less this
 * part of it, times k/n. A snapshot delays the writes of its member. With equal sizes all members would write their
 * snapshots at the same time, and no majority could store entries quickly.
 */
const snapshotSpread = 1 / 2;

export interface ReplicaHandlers {
  /**
   * Receives the effects of one applied entry, in the order of the log. `batch` is null when the entry holds
   * no batch.
   */
  onEffects(effects: readonly StateEffect[], batch: Uint8Array | null): void;
  onElected(term: number): void;
  /**
   * Called when a snapshot has replaced the state. The effects of the entries that the snapshot replaces are
   * unknown.
   */
  onRestored(): void;
}

/**
 * This member's copy of the log and of the state: applies committed entries, takes and installs snapshots,
 * compacts the log.
 */
export class Replica {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #writes: PendingWrites;
  readonly #bootstrap: Bootstrap;
  readonly #digests: Digests;
  readonly #handlers: ReplicaHandlers;
  readonly #peerSnapshot: JoinedSnapshot;
  /** The snapshot of this member's own state, while it is encoded. */
  #ownSnapshot: SnapshotEncoding | null = null;
  readonly electionTimeout: AdaptiveElectionTimeout;
  /** Replaced when this member bootstraps the cluster. */
  raft: Raft;
  /** Raft's status at the end of the last turn. */
  status: RaftStatus;
  appliedIndex: number;
  snapshotIndex: number;
  elections = 0;
  /** The first configuration, while its snapshot is being written. */
  bootstrapConfig: ClusterConfig | null = null;
  /**
   * The configuration of the applied state. After a snapshot its index is the snapshot's, which may be higher than the
   * index of the entry that holds the configuration.
   */
  appliedConfig: Pick<Snapshot, 'index' | 'config'> | null;
  /**
   * The newest batch of each member in the log that was recovered from disk. The batch may not be applied
   * yet.
   */
  readonly #recovered = new Map<MemberId, BatchHeader>();
  /**
   * Size of the log after the last compaction, bytes. The next compaction is due when the log has grown by
   * half of its bound beyond this size.
   */
  #logBytesAfterCut = 0;
  /** Size of the last snapshot, bytes. */
  #snapshotBytes = 0;
  #transferredMs = -Infinity;
  #snapshotRefusedMs = -Infinity;

  constructor(
    context: MemberContext,
    parts: { peers: Peers; writes: PendingWrites; bootstrap: Bootstrap; digests: Digests },
    handlers: ReplicaHandlers,
  ) {
    this.#context = context;
    this.#peers = parts.peers;
    this.#writes = parts.writes;
    this.#bootstrap = parts.bootstrap;
    this.#digests = parts.digests;
    this.#handlers = handlers;
    this.#peerSnapshot = new JoinedSnapshot(context.options.limits.snapshotBytesPerTurnMax);
    this.electionTimeout = new AdaptiveElectionTimeout(context.options.timings.raft);
    const { snapshot, hardState, entries } = context.options.recovered;
    if (snapshot !== null) context.state = this.#decode(snapshot);
    this.appliedIndex = snapshot?.index ?? 0;
    this.snapshotIndex = this.appliedIndex;
    this.#snapshotBytes = snapshot?.data.length ?? 0;
    this.appliedConfig = snapshot === null ? null : { index: snapshot.index, config: snapshot.config };
    this.raft = this.#createRaft({ hardState, snapshot, config: snapshot?.config ?? null, entries });
    this.status = this.raft.status();
    for (const entry of entries) {
      const header = entry.kind === 'normal' ? headerOf(unstamp(entry.data).batch) : null;
      if (header !== null) this.#recovered.set(header.member, header);
    }
  }

  /** True while this member has no configuration, so it belongs to no cluster. */
  get isUnconfigured(): boolean {
    return this.raft.config() === null && this.bootstrapConfig === null;
  }

  /**
   * True when the cluster uses a semantics version that this program does not support. The member stores the
   * log and votes, but applies nothing, because its state would diverge from the state of the other members.
   */
  get isOutdated(): boolean {
    return this.#context.state.semantics > this.#context.semantics.version;
  }

  get config(): ClusterConfig | null {
    return this.bootstrapConfig ?? this.raft.config();
  }

  step(from: MemberId, message: RaftMessage): void {
    if (this.bootstrapConfig === null && !this.#isStale(from)) this.raft.step(from, message);
  }

  link(peer: MemberId, state: LinkState): void {
    this.raft.linkChanged(peer, state);
  }

  written(write: CompletedWrite): void {
    if (write.raftToken !== null) this.raft.stored(write.raftToken);
    if (write.snapshot === null) return;
    const { index } = write.snapshot;
    // A snapshot of a peer may have replaced the state while this one was written.
    this.snapshotIndex = Math.max(this.snapshotIndex, index);
    if (write.bootstrap) return this.#bootstrapped(write.snapshot);
    this.raft.compact(index, this.#entriesToKeep(index));
    this.#logBytesAfterCut = this.raft.status().logBytes;
  }

  refused(write: CompletedWrite): void {
    if (write.raftToken !== null) this.raft.storeRefused(write.raftToken);
    if (write.bootstrap) this.bootstrapConfig = null;
    else if (write.snapshot !== null) this.#snapshotRefusedMs = this.#context.nowMs;
  }

  /**
   * @returns true when another turn has work: a snapshot has begun or has to be written on its own, so that Raft's outputs
   * wait for the next turn, or a snapshot is unfinished
   */
  turn(): boolean {
    this.#considerBootstrap();
    if (this.#ownSnapshot === null ? this.#beginOwnSnapshot() : this.#continueOwnSnapshot(this.#ownSnapshot))
      return true;
    if (this.bootstrapConfig === null) this.#consume(this.raft.take());
    return this.#ownSnapshot !== null || this.#peerSnapshot.isUnfinished;
  }

  /**
   * Transfers leadership when the leader's disk is slow or full (docs/DESIGN.md, "Elections and timing"), or
   * when this program cannot apply entries, because such a leader cannot run the cluster's timers.
   */
  transferIfUnfit(): void {
    const { nowMs, events } = this.#context;
    const reason = this.#unfitBecause();
    if (reason === null || nowMs - this.#transferredMs < transferIntervalMs) return;
    this.#transferredMs = nowMs;
    events.push({ kind: 'leadershipTransfer', reason });
    this.raft.transferLeadership();
  }

  #unfitBecause(): string | null {
    if (this.isOutdated)
      return 'this program does not support the entries of the log: start the newer program again';
    if (this.#writes.full) return 'the disk of this member is full';
    if (this.#writes.slowestMs > slowDiskMs)
      return `a write to the disk of this member has taken longer than ${slowDiskMs} ms`;
    return null;
  }

  #createRaft(initial: RaftInitialState): Raft {
    const { id, recovered, random } = this.#context.options;
    const { timings } = this.electionTimeout;
    const bounds = { appendBytesMax, appendsInFlightMax, snapshotPieceBytes };
    const isCommitAwaited = (peer: MemberId): boolean => this.#peers.awaitsEntries(peer);
    return createRaft(
      { id, storeId: recovered.storeId, timings, random, isCommitAwaited, ...bounds },
      initial,
    );
  }

  /**
   * Returns true for a peer whose store is older than its last known state, as after a restored backup. Such
   * a store must not vote.
   */
  #isStale(from: MemberId): boolean {
    const hello = this.#peers.hellos.get(from);
    if (hello === undefined) return false;
    return isOlder(hello, this.#context.state.proposer(from)) || isOlder(hello, this.#recovered.get(from));
  }

  #consume(output: RaftOutput): void {
    for (const event of output.events) this.#onEvent(event);
    if (output.write !== null) this.#writes.raft(output.write);
    for (const { to, message } of output.messages) {
      if (message.type === 'voteRequest' && !message.pre) this.#context.clock.votesRequested(message.term);
      // Entries and snapshots use a channel of their own, so that they do not delay heartbeats.
      const bulk =
        message.type === 'snapshotPiece' || (message.type === 'appendRequest' && message.entries.length > 0);
      this.#peers.send(to, bulk ? 'log' : 'raft', this.#envelope(message));
    }
    if (output.restore !== null) this.#restore(output.restore);
    for (const entry of output.committed) this.#apply(entry);
    this.#continuePeerSnapshot(output.snapshotNeeded);
    this.status = this.raft.status();
  }

  /** Heartbeats carry the leader's cluster time, and granted votes the estimate of the voter. */
  #envelope(message: RaftMessage): Extract<PeerMessage, { type: 'raft' }> {
    const { clock } = this.#context;
    const carriesTime =
      message.type === 'appendRequest' ||
      (message.type === 'voteResponse' && message.granted && !message.pre && clock.isContinuous);
    return carriesTime ? { type: 'raft', message, clusterTimeMs: clock.nowMs } : { type: 'raft', message };
  }

  #apply(entry: LogEntry): void {
    if (this.isOutdated) return;
    const { index } = entry;
    const { state } = this.#context;
    // As in `apply`, a new semantics version takes effect with the next entry.
    const { semantics } = state;
    this.appliedIndex = index;
    if (entry.kind === 'config' && entry.config !== undefined) {
      this.appliedConfig = { index, config: entry.config };
      this.#handlers.onEffects(state.applyConfig(index, entry.config), null);
    } else if (entry.kind === 'normal') {
      const { timeMs, batch } = unstamp(entry.data);
      const effects = state.apply(index, timeMs, batch);
      if (this.#context.options.observer !== undefined) this.#observe(index, batch, effects);
      this.#handlers.onEffects(effects, batch);
    } else this.#handlers.onEffects(state.apply(index, state.timeMs, null), null);
    this.#digests.applied(index, semantics, this.appliedConfig?.config ?? null);
  }

  #observe(index: number, batch: Uint8Array, effects: readonly StateEffect[]): void {
    const { observer } = this.#context.options;
    const applied = effects.find((effect) => effect.kind === 'batchApplied');
    if (applied !== undefined) observer?.batchApplied(index, applied);
    else if (headerOf(batch) !== null) observer?.mark('repeat-left-out-when-applied');
  }

  #onEvent(event: RaftEvent): void {
    const { events } = this.#context;
    switch (event.kind) {
      case 'leader':
        events.push({ kind: 'leader', leader: event.leader, term: event.term });
        return;
      case 'elected':
        return this.#handlers.onElected(event.term);
      case 'electionStarted':
        this.elections++;
        return;
      case 'configChanged':
        events.push({ kind: 'configChanged', config: event.config });
        return;
      case 'snapshotSent':
        events.push({ kind: 'snapshot', action: 'sent', index: event.index, bytes: event.bytes });
        return;
      case 'storeRegressed': {
        const text = `the store of ${event.member} lost entries that it had acknowledged: wipe it`;
        events.push({ kind: 'alarm', text });
        return;
      }
      case 'steppedDown':
        events.push({ kind: 'steppedDown', term: event.term, reason: event.reason });
        return;
      case 'logTruncated':
        return;
    }
  }

  // ---- snapshots ----

  /** Begins a snapshot of the applied state for a backup. Returns null when this member belongs to no cluster. */
  beginBackup(): UnfinishedSnapshot | null {
    const encoding = this.#beginEncoding();
    if (encoding === null) return null;
    const backup = new JoinedSnapshot(this.#context.options.limits.snapshotBytesPerTurnMax);
    backup.begin(encoding);
    return backup;
  }

  #snapshotHeader(): SnapshotHeader | null {
    const term = this.raft.termAt(this.appliedIndex);
    if (term === undefined || this.appliedConfig === null) return null;
    return { index: this.appliedIndex, term, config: this.appliedConfig.config };
  }

  #restore(snapshot: Snapshot): void {
    const { index, config, data } = snapshot;
    // The snapshot of the peer is newer than the own one that is being encoded.
    this.#ownSnapshot?.discard();
    this.#ownSnapshot = null;
    this.#context.state = this.#decode(snapshot);
    this.appliedIndex = index;
    this.snapshotIndex = index;
    this.#snapshotBytes = data.length;
    this.appliedConfig = { index, config };
    this.#logBytesAfterCut = 0;
    this.#digests.restored();
    this.#context.events.push({ kind: 'snapshot', action: 'installed', index, bytes: data.length });
    this.#handlers.onRestored();
  }

  /**
   * @throws StoreFormatError a newer program wrote the snapshot. A snapshot from a peer is not stored in this
   * case.
   */
  #decode({ index, data }: Snapshot): MqttState {
    try {
      const { pages, semantics } = this.#context;
      return pages.use((cache) => semantics.decodeState(data, cache));
    } catch (cause) {
      throw new StoreFormatError(
        `this program does not support the format of the snapshot at index ${index}: start the newer program again, ` +
          'or install this program on all members and restore a backup',
        { cause },
      );
    }
  }

  /**
   * Builds the snapshot for peers over several turns. All peers that need one share it. Only a leader can use it, so the end
   * of the leadership ends the work; a snapshot of another leader can be installed only after that.
   */
  #continuePeerSnapshot(isNeeded: boolean): void {
    if (this.raft.role() !== 'leader') return this.#peerSnapshot.discard();
    if (isNeeded && !this.#peerSnapshot.isUnfinished) {
      const encoding = this.#beginSnapshot();
      if (encoding !== null) return this.#peerSnapshot.begin(encoding);
    }
    const snapshot = this.#peerSnapshot.advance();
    if (snapshot === null) return;
    this.#taken(snapshot);
    this.raft.provideSnapshot(snapshot);
  }

  /** @returns whether a snapshot has begun */
  #beginOwnSnapshot(): boolean {
    if (this.#isSnapshotDue()) this.#ownSnapshot = this.#beginSnapshot();
    return this.#ownSnapshot !== null;
  }

  /** @returns whether the snapshot is complete and will be written */
  #continueOwnSnapshot(encoding: SnapshotEncoding): boolean {
    const snapshot = encoding.advance();
    if (snapshot === null) return false;
    this.#ownSnapshot = null;
    this.#taken(snapshot);
    this.#writes.snapshot(snapshot, false);
    return true;
  }

  #beginSnapshot(): SnapshotEncoding | null {
    const encoding = this.#beginEncoding();
    if (encoding !== null) this.#context.events.push({ kind: 'snapshotBegun', index: encoding.header.index });
    return encoding;
  }

  #beginEncoding(): SnapshotEncoding | null {
    const header = this.#snapshotHeader();
    if (header === null) return null;
    const encoding = this.#context.state.beginEncoding();
    return new SnapshotEncoding(header, encoding, this.#context.options.limits.snapshotBytesPerTurnMax);
  }

  #taken({ index, data }: Pick<SnapshotWrite, 'index' | 'data'>): void {
    this.#snapshotBytes = data.length;
    this.#context.events.push({ kind: 'snapshot', action: 'taken', index, bytes: data.length });
  }

  /** Size of the log at which a snapshot is due, bytes. */
  get logBytesMax(): number {
    return Math.max(this.#context.options.limits.logBytesMax, this.#snapshotBytes * logPartOfState);
  }

  #isSnapshotDue(): boolean {
    const { logBytesMax } = this;
    const { logBytes } = this.status;
    if (logBytes - this.#logBytesAfterCut < logBytesMax / 2) return false;
    if (logBytes < logBytesMax * (1 - snapshotSpread * this.#placeOfMember())) return false;
    if (this.#context.nowMs - this.#snapshotRefusedMs < snapshotRetryMs) return false;
    // A newer snapshot would remove the entries that a peer needs after the snapshot that is being built for it.
    if (this.#peerSnapshot.isUnfinished) return false;
    return !this.#writes.snapshotPending && !this.#writes.full && this.appliedIndex > this.snapshotIndex;
  }

  /** Returns the place of this member in the configuration: 0 for the first member, below 1 for the last one. */
  #placeOfMember(): number {
    const members = this.appliedConfig?.config.members ?? [];
    const place = members.findIndex(({ id }) => id === this.#context.options.id);
    return Math.max(0, place) / Math.max(1, members.length);
  }

  #entriesToKeep(index: number): number {
    const { keepEntries, logBytesMax } = this.#context.options.limits;
    let bytes = 0;
    let count = 0;
    while (count < keepEntries && bytes < logBytesMax * keptPart) {
      const entry = this.raft.entry(index - count);
      if (entry === undefined) break;
      bytes += entry.data.length;
      count++;
    }
    return count;
  }

  // ---- bootstrap ----

  #considerBootstrap(): void {
    const { config, lastIndex, term } = this.status;
    if (config !== null || lastIndex > 0 || term > 0 || this.bootstrapConfig !== null || this.#writes.busy)
      return;
    const bootstrap = this.#bootstrap.decide();
    if (bootstrap === null) return;
    this.bootstrapConfig = bootstrap;
    const { pages, semantics } = this.#context;
    this.#context.state = pages.use((cache) => semantics.createState(cache));
    this.#context.state.applyConfig(bootstrapIndex, bootstrap);
    const data = this.#context.state.encode();
    this.#writes.snapshot({ index: bootstrapIndex, term: bootstrapTerm, config: bootstrap, data }, true);
  }

  #bootstrapped(written: SnapshotWrite): void {
    const snapshot: Snapshot = { ...written, data: wholeBytes(written.data) };
    this.bootstrapConfig = null;
    this.appliedIndex = snapshot.index;
    this.appliedConfig = { index: snapshot.index, config: snapshot.config };
    const hardState = { term: bootstrapTerm, votedFor: null };
    this.raft = this.#createRaft({ hardState, snapshot, config: snapshot.config, entries: [] });
    this.raft.tick(this.#context.nowMs);
    for (const [peer, state] of this.#peers.links) this.raft.linkChanged(peer, state);
    this.status = this.raft.status();
    this.#context.events.push({ kind: 'configChanged', config: snapshot.config });
  }
}

/** Returns whether an earlier incarnation of the store sent the hello message. */
function isOlder(
  hello: Pick<BatchHeader, 'storeId' | 'incarnation'>,
  known: Pick<BatchHeader, 'storeId' | 'incarnation'> | undefined,
): boolean {
  return known?.storeId === hello.storeId && hello.incarnation < known.incarnation;
}

/**
 * Returns leader and term as one key, or null without a leader. When the key changes, the proposer sends all
 * unapplied batches again.
 */
export function leadershipOf(status: RaftStatus): string | null {
  return status.leader === null ? null : `${status.leader}/${status.term}`;
}
