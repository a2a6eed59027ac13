import type { MemberId, RaftMessage } from '@mqtt-cluster/contracts';
import { Core } from './raft-state.ts';
import { Elections } from './elections.ts';
import { Followership } from './follower.ts';
import { Leadership } from './leader.ts';
import type { Raft, RaftInitial, RaftOptions, RaftOutput, RaftStatus } from './types.ts';

/** One member's Raft. @throws Error when `initial.entries` do not follow the snapshot without holes */
export function createRaft(options: RaftOptions, initial: RaftInitial): Raft {
  const core = new Core(options, initial);
  let leadership: Leadership | null = null;
  const elections = new Elections(core, () => (leadership = new Leadership(core)));
  const followership = new Followership(core, elections);
  /** The leadership, as long as it lasts. */
  const leading = (): Leadership | null => {
    if (core.role !== 'leader') leadership = null;
    return leadership;
  };

  return {
    tick(nowMs) {
      core.nowMs = Math.max(core.nowMs, nowMs);
      leading()?.tick();
      elections.tick();
    },
    step(from, message) {
      // A store that was wiped must not answer for what it held.
      if (message.toStoreId !== options.storeId || from === options.id) return;
      if (message.type === 'voteRequest') elections.voteRequest(from, message);
      else if (message.type === 'appendRequest') followership.append(from, message);
      else if (message.type === 'snapshotPiece') followership.snapshotPiece(from, message);
      else if (message.type === 'timeoutNow') {
        if (message.term === core.term && core.leader === from) elections.timeoutNow();
      } else answer(core, elections, leading(), from, message);
    },
    propose: (data) => leading()?.propose(data) ?? null,
    proposeConfig(config) {
      const lead = leading();
      const reason = lead === null ? 'this member is not the leader' : lead.proposeConfig(config);
      return reason === null ? { accepted: true } : { accepted: false, reason };
    },
    transferLeadership: (to) => leading()?.transferLeadership(to),
    stored(token) {
      core.messages.push(...core.journal.stored(token));
      elections.stored();
      if (core.role === 'leader') leading()?.stored();
      else followership.stored();
    },
    storeRefused: (token) => core.journal.refused(token, core.nowMs),
    link(peer, state) {
      leading()?.link(peer, state);
      if (state === 'refused' && core.leader === peer && core.isVoter) elections.leaderGone();
    },
    applied: () => undefined,
    provideSnapshot: (snapshot) => leading()?.provideSnapshot(snapshot),
    compact(index, keepEntries) {
      core.journal.covered(Math.min(index, core.handedOut));
      const wanted = leading()?.cutFor(index, keepEntries) ?? index - keepEntries;
      // What is not stored may have to be written again, what was not given out is still to come.
      const cut = Math.min(wanted, core.handedOut, core.journal.storedIndex);
      if (cut <= core.log.baseIndex) return;
      core.log.compact(cut);
      core.configs.compact(cut);
    },
    entry: (index) => core.log.entry(index),
    termAt: (index) => core.log.termAt(index),
    take: () => takeOutput(core, leading()),
    status: () => statusOf(core, leading()),
  };
}

/** Answers count only when they come from a store that the configuration names. */
function answer(
  core: Core,
  elections: Elections,
  leadership: Leadership | null,
  from: MemberId,
  message: Extract<RaftMessage, { type: 'voteResponse' | 'appendResponse' | 'snapshotResponse' }>,
): void {
  const member = core.configs.find(from, message.storeId);
  if (member === undefined) return;
  const isGrantedPreVote = message.type === 'voteResponse' && message.pre && message.granted;
  if (message.term > core.term && !isGrantedPreVote) {
    core.becomeFollower(message.term, null, 'newer term');
    return;
  }
  if (message.type === 'voteResponse') {
    if (member.role === 'voter') elections.voteResponse(from, message);
  } else if (message.term === core.term) {
    if (message.type === 'appendResponse') leadership?.appendResponse(from, message);
    else leadership?.snapshotResponse(from, message);
  }
}

function takeOutput(core: Core, leadership: Leadership | null): RaftOutput {
  const snapshotWanted = leadership?.flush() ?? false;
  const { commitIndex, handedOut, restore, messages, events } = core;
  const committed = commitIndex > handedOut ? core.log.range(handedOut + 1, commitIndex) : [];
  core.handedOut = commitIndex;
  core.restore = null;
  core.messages = [];
  core.events = [];
  return { write: core.journal.takeWrite(core.nowMs), messages, committed, restore, snapshotWanted, events };
}

function statusOf(core: Core, leadership: Leadership | null): RaftStatus {
  const match: Record<MemberId, number> = {};
  const silentMs: Record<MemberId, number> = {};
  for (const [id, peer] of leadership?.peers() ?? []) {
    // While it is looked for where the logs part nothing is known: 0 would be taken for a peer that lacks everything.
    if (peer.mode !== 'probe' || peer.match > 0 || peer.regressed)
      match[id] = peer.regressed ? 0 : peer.match;
    silentMs[id] = core.nowMs - peer.heardAtMs;
  }
  return {
    role: core.role,
    term: core.term,
    leader: core.leader,
    firstIndex: core.log.firstIndex,
    lastIndex: core.log.lastIndex,
    commitIndex: core.commitIndex,
    logBytes: core.log.bytes,
    config: core.configs.current,
    match,
    hasQuorum: leadership?.hasQuorum() ?? false,
    silentMs,
    transferring: leadership?.transferring ?? null,
    configChangePending: leadership?.configChangePending ?? core.configs.index > core.commitIndex,
  };
}
