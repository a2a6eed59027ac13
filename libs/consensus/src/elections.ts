import type { MemberId, RaftVoteRequest, RaftVoteResponse, StoreId } from '@mqtt-cluster/contracts';
import type { Core } from './raft-state.ts';

/** While the leader's death is certain, a campaign that came to nothing is repeated after so many delays. */
const goneLeaderRetryDelays = 2;

/** A vote names the store as well: a replaced member of the same name is another candidate. */
function candidateName(id: MemberId, storeId: StoreId): string {
  return `${id}/${storeId}`;
}

/** Elections with pre-vote and leases (paper, 5.2 and 5.4.1; thesis, 4.2.3 and 9.6). */
export class Elections {
  readonly #core: Core;
  readonly #onWon: () => void;
  /** Answers of this campaign, by voter. */
  #votes = new Map<MemberId, boolean>();
  /** Until then the leader's death is taken for certain and campaigns follow each other quickly. */
  #leaderGoneUntilMs = -Infinity;

  constructor(core: Core, onWon: () => void) {
    this.#core = core;
    this.#onWon = onWon;
  }

  tick(): void {
    const core = this.#core;
    if (core.electionAtMs === Infinity) core.armElection();
    if (core.role === 'leader' || core.nowMs < core.electionAtMs) return;
    if (core.isVoter) this.#startPreVote();
    else {
      core.setLeader(null);
      core.armElection();
    }
  }

  /** A leader was heard: nothing to elect. */
  leaderHeard(): void {
    this.#leaderGoneUntilMs = -Infinity;
    this.#core.leaderHeardAtMs = this.#core.nowMs;
    this.#core.armElection();
  }

  /** The leader's process is dead for certain: its lease is over and no time-out need pass. */
  leaderGone(): void {
    const core = this.#core;
    const { goneLeaderDelayMsMax, electionMsMax } = core.options.timings;
    core.setLeader(null);
    this.#leaderGoneUntilMs = core.nowMs + electionMsMax;
    core.electionAtMs = Math.min(
      core.electionAtMs,
      core.nowMs + core.options.random() * goneLeaderDelayMsMax,
    );
  }

  /** Own vote and term may have reached the disk. */
  stored(): void {
    const core = this.#core;
    if (core.role !== 'candidate' || !core.journal.hardStateStored) return;
    this.#votes.set(core.options.id, true);
    this.#count();
  }

  /** The leader hands over: campaign at once, without asking first (thesis, 3.10). */
  timeoutNow(): void {
    if (this.#core.isVoter && this.#core.role !== 'leader') this.#campaign(true);
  }

  voteRequest(from: MemberId, request: RaftVoteRequest): void {
    const core = this.#core;
    if (core.role === 'none') return;
    // As long as a leader is heard nobody may unseat it, or a member behind a bad link could for ever
    // (thesis, 4.2.3). The term of the request is ignored, too.
    if (request.term > core.term && !request.force && this.#hearsLeader()) return;
    if (request.term > core.term && !request.pre) core.becomeFollower(request.term, null, 'newer term');
    const name = candidateName(from, request.storeId);
    const free = core.votedFor === null && core.leader === null;
    const mayVote = request.pre
      ? request.term > core.term || (request.term === core.term && (free || core.votedFor === name))
      : request.term === core.term && (free || core.votedFor === name);
    const granted = mayVote && this.#isUpToDate(request);
    if (request.pre && granted) {
      const answer = { type: 'voteResponse', pre: true, granted } as const;
      core.sendUnbound(from, request.storeId, request.term, answer);
      this.#letGoFirst(from);
      return;
    }
    if (granted) {
      if (core.votedFor !== name) core.setHardState({ term: core.term, votedFor: name });
      core.armElection();
    }
    core.send(from, request.storeId, { type: 'voteResponse', pre: request.pre, granted });
  }

  /** From a configured voter's store, of a term not above this member's except for granted pre-votes. */
  voteResponse(from: MemberId, response: RaftVoteResponse): void {
    const core = this.#core;
    const asked = response.pre ? 'preCandidate' : 'candidate';
    if (core.role !== asked) return;
    // A granted pre-vote echoes the term that was asked for; everything else tells the voter's own.
    const expected = response.pre && response.granted ? core.term + 1 : core.term;
    if (response.term !== expected && (response.granted || response.term > expected)) return;
    this.#votes.set(from, response.granted);
    this.#count();
  }

  /**
   * When all know at the same moment that the leader is dead, their campaigns would split the votes, and of four that are left of
   * seven none may be wasted. Who has just granted a pre-vote waits for that candidate; of two that ask each other the
   * lower id goes first.
   */
  #letGoFirst(candidate: MemberId): void {
    const core = this.#core;
    if (core.nowMs >= this.#leaderGoneUntilMs) return;
    const waits = core.role === 'follower' || (core.role === 'preCandidate' && candidate < core.options.id);
    if (!waits) return;
    if (core.role === 'preCandidate') core.becomeFollower(core.term, null, 'another candidate goes first');
    core.electionAtMs = core.nowMs + this.#retryMs();
  }

  #retryMs(): number {
    const { goneLeaderDelayMsMax } = this.#core.options.timings;
    return goneLeaderDelayMsMax * goneLeaderRetryDelays * (1 + this.#core.options.random());
  }

  #hearsLeader(): boolean {
    const core = this.#core;
    if (core.role === 'leader') return true;
    return core.leader !== null && core.nowMs - core.leaderHeardAtMs < core.options.timings.electionMsMin;
  }

  #isUpToDate(request: RaftVoteRequest): boolean {
    const { lastTerm, lastIndex } = this.#core.log;
    return request.lastTerm > lastTerm || (request.lastTerm === lastTerm && request.lastIndex >= lastIndex);
  }

  #arm(): void {
    const core = this.#core;
    core.armElection();
    if (core.nowMs >= this.#leaderGoneUntilMs) return;
    core.electionAtMs = Math.min(core.electionAtMs, core.nowMs + this.#retryMs());
  }

  #startPreVote(): void {
    const core = this.#core;
    this.#arm();
    core.setLeader(null);
    // A disk that has not taken the last term yet would not take another one either.
    if (!core.journal.hardStateStored) return;
    core.role = 'preCandidate';
    this.#votes = new Map([[core.options.id, true]]);
    this.#ask(core.term + 1, true, false);
    this.#count();
  }

  #campaign(force: boolean): void {
    const core = this.#core;
    core.setLeader(null);
    core.role = 'candidate';
    core.setHardState({
      term: core.term + 1,
      votedFor: candidateName(core.options.id, core.options.storeId),
    });
    core.emit({ kind: 'electionStarted', term: core.term });
    // The own vote counts when it is stored.
    this.#votes = new Map();
    this.#arm();
    this.#ask(core.term, false, force);
  }

  #ask(term: number, pre: boolean, force: boolean): void {
    const core = this.#core;
    const { lastIndex, lastTerm } = core.log;
    const request = { type: 'voteRequest', pre, force, lastIndex, lastTerm } as const;
    for (const voter of core.configs.voters()) {
      if (voter.id === core.options.id) continue;
      if (pre) core.sendUnbound(voter.id, voter.storeId, term, request);
      else core.send(voter.id, voter.storeId, request);
    }
  }

  #count(): void {
    const core = this.#core;
    if (core.configs.majority((voter) => this.#votes.get(voter.id) === true)) {
      if (core.role === 'preCandidate') this.#campaign(false);
      else this.#onWon();
    } else if (core.configs.majority((voter) => this.#votes.get(voter.id) === false)) {
      const dueAtMs = core.electionAtMs;
      core.becomeFollower(core.term, null, 'election lost');
      core.electionAtMs = dueAtMs;
    }
  }
}
