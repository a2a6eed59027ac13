/**
 * Raft as a pure state machine (Ongaro & Ousterhout, "In Search of an Understandable Consensus Algorithm",
 * 2014, cited as "paper"; Ongaro, "Consensus: Bridging Theory and Practice", 2014, cited as "thesis"). The
 * design follows etcd-io/raft: this package performs no I/O and has no timers, no clock and no random numbers
 * of its own.
 *
 * **Inputs** are the methods of {@link Raft}: `tick` (the time), `step` (a message of a peer), `propose`,
 * `proposeConfig`, `transferLeadership`, `stored` and `storeRefused` (reports of the disk), `linkChanged`,
 * `provideSnapshot` and `compact`. An input only changes state in memory.
 *
 * **Outputs** are collected by `take` (etcd-io/raft: `Ready`). After each input, or after several, the caller
 * takes the output and
 *
 * 1. starts its `write`, if there is one, as one atomic and synced change of the disk;
 * 2. sends its `messages` at once, without waiting for the write;
 * 3. restores the state machine from `restore`, if there is one, and then applies the `committed` entries in
 *    order;
 * 4. answers `snapshotNeeded` with `provideSnapshot`, at once or after several outputs.
 *
 * **Writes** are numbered by tokens. Several writes may be in flight; the disk stores them in order. The
 * caller reports each one with `stored(token)`, or with `storeRefused(token)` if the disk is full. A refused
 * write and all later ones count as not stored; Raft puts their content into a new write.
 *
 * **Barriers.** A vote, a new term and an acknowledgement must be on the disk before a message reports them
 * (paper, figure 2). The caller does not have to enforce this rule: Raft holds such a message until the write
 * that the message depends on is stored. The token of this write is the barrier of the message; the message
 * appears in an output after `stored(token)`. So a slow disk delays acknowledgements, but not heartbeats.
 * Appends of a leader have no barrier for the entries: followers may store entries before the leader's own
 * disk has (thesis, 10.2.1). A leader commits an entry when a majority of the voters has stored the entry;
 * the leader's own disk counts like the disk of any other voter. So `committed` may contain entries that this
 * member has not stored yet.
 *
 * Files: `raft-state.ts` holds the state that all parts share; `elections.ts`; `leader.ts` with
 * `replication.ts`, `progress.ts`, `heartbeat-rounds.ts` and `snapshot-sender.ts`; `follower.ts` with
 * `snapshot-receiver.ts`; `raft-log.ts` and `unstable-log.ts`; `configurations.ts`.
 */
import type { MemberId, RaftMessage } from '@mqtt-cluster/contracts';
import { Elections } from './elections.ts';
import { Follower } from './follower.ts';
import { Leader } from './leader.ts';
import { RaftState } from './raft-state.ts';
import type { Raft, RaftInitialState, RaftOptions, RaftOutput, RaftStatus } from './types.ts';

/**
 * Creates the Raft of one member.
 * @throws Error when `initial.entries` do not follow the snapshot without gaps
 */
export function createRaft(options: RaftOptions, initial: RaftInitialState): Raft {
  const state = new RaftState(options, initial);
  let leader: Leader | null = null;
  const elections = new Elections(state, () => (leader = new Leader(state)));
  const follower = new Follower(state, elections);
  /** Returns the leader role if this member still has it. */
  const leading = (): Leader | null => {
    if (state.role !== 'leader') leader = null;
    return leader;
  };

  return {
    tick(nowMs) {
      state.nowMs = Math.max(state.nowMs, nowMs);
      leading()?.tick();
      elections.tick();
    },
    nextTickMs: () => leading()?.nextTickMs() ?? state.electionDueAtMs,
    step(from, message) {
      // Ignore a message for another store id: a new store must not answer for the former store of this
      // member.
      if (message.toStoreId !== options.storeId || from === options.id) return;
      if (message.type === 'voteRequest') elections.voteRequest(from, message);
      else if (message.type === 'appendRequest') follower.appendRequest(from, message);
      else if (message.type === 'snapshotPiece') follower.snapshotPiece(from, message);
      else if (message.type === 'timeoutNow') {
        if (message.term === state.term && state.leader === from) elections.timeoutNow();
      } else stepResponse(state, elections, leading(), from, message);
    },
    propose: (data) => leading()?.propose(data) ?? null,
    proposeConfig(config) {
      const lead = leading();
      const reason = lead === null ? 'this member is not the leader' : lead.proposeConfig(config);
      return reason === null ? { accepted: true } : { accepted: false, reason };
    },
    transferLeadership: (to) => leading()?.transferLeadership(to),
    stored(token) {
      state.messages.push(...state.unstable.stored(token));
      elections.stored();
      if (state.role === 'leader') leading()?.stored();
      else follower.stored();
    },
    storeRefused: (token) => state.unstable.refused(token, state.nowMs),
    linkChanged(peer, link) {
      leading()?.linkChanged(peer, link);
      if (link === 'refused' && state.leader === peer && state.isVoter) elections.leaderDied();
    },
    provideSnapshot: (snapshot) => leading()?.provideSnapshot(snapshot),
    compact(index, keepEntries) {
      state.unstable.snapshotStored(Math.min(index, state.applyingIndex));
      const wanted = leading()?.compactionIndex(index, keepEntries) ?? index - keepEntries;
      // Entries that are not stored may have to be written again. Entries above `applyingIndex` have not been
      // returned as committed yet.
      const compactTo = Math.min(wanted, state.applyingIndex, state.unstable.storedIndex);
      if (compactTo <= state.log.baseIndex) return;
      state.log.compact(compactTo);
      state.configs.compact(compactTo);
    },
    commitIndex: () => state.commitIndex,
    entry: (index) => state.log.entry(index),
    termAt: (index) => state.log.termAt(index),
    role: () => state.role,
    config: () => state.configs.current,
    take: () => takeOutput(state, leading()),
    status: () => statusOf(state, leading()),
  };
}

/**
 * Handles a response. The response counts only if the current configuration lists the sender with the
 * message's store id.
 */
function stepResponse(
  state: RaftState,
  elections: Elections,
  leader: Leader | null,
  from: MemberId,
  message: Extract<RaftMessage, { type: 'voteResponse' | 'appendResponse' | 'snapshotResponse' }>,
): void {
  const member = state.configs.find(from, message.storeId);
  if (member === undefined) return;
  const isGrantedPreVote = message.type === 'voteResponse' && message.pre && message.granted;
  if (message.term > state.term && !isGrantedPreVote) {
    state.becomeFollower(message.term, null, 'newer term');
    return;
  }
  if (message.type === 'voteResponse') {
    if (member.role === 'voter') elections.voteResponse(from, message);
  } else if (message.term === state.term) {
    if (message.type === 'appendResponse') leader?.appendResponse(from, message);
    else leader?.snapshotResponse(from, message);
  }
}

function takeOutput(state: RaftState, leader: Leader | null): RaftOutput {
  const snapshotNeeded = leader?.flush() ?? false;
  const { commitIndex, applyingIndex, restore, messages, events } = state;
  const committed = commitIndex > applyingIndex ? state.log.range(applyingIndex + 1, commitIndex) : [];
  state.applyingIndex = commitIndex;
  state.restore = null;
  state.messages = [];
  state.events = [];
  const write = state.unstable.takeWrite(state.nowMs);
  return { write, messages, committed, restore, snapshotNeeded, events };
}

function statusOf(state: RaftState, leader: Leader | null): RaftStatus {
  const match: Record<MemberId, number> = {};
  const silentMs: Record<MemberId, number> = {};
  for (const [id, peer] of leader?.peers() ?? []) {
    // While the leader probes for the last common index, the match index is unknown, so the status omits it.
    // A value of 0 would mean that the peer has no entries at all.
    if (peer.state !== 'probe' || peer.matchIndex > 0 || peer.regressed)
      match[id] = peer.regressed ? 0 : peer.matchIndex;
    silentMs[id] = state.nowMs - peer.activeAtMs;
  }
  return {
    role: state.role,
    term: state.term,
    leader: state.leader,
    firstIndex: state.log.firstIndex,
    lastIndex: state.log.lastIndex,
    commitIndex: state.commitIndex,
    logBytes: state.log.bytes,
    config: state.configs.current,
    match,
    hasQuorum: leader?.hasQuorum() ?? false,
    silentMs,
    transferTarget: leader?.transferTarget ?? null,
    configChangePending: leader?.configChangePending ?? state.configs.index > state.commitIndex,
  };
}
