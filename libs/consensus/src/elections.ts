import type { MemberId, RaftVoteRequest, RaftVoteResponse, StoreId } from '@mqtt-cluster/contracts';
import type { RaftState } from './raft-state.ts';

/**
 * After the death of a leader, a member repeats a failed campaign after at least this many times
 * `deadLeaderDelayMsMax`.
 */
const deadLeaderRetryDelays = 2;

/**
 * Returns the value of `votedFor` for a vote for this candidate. The value includes the store id, because a
 * member with a replaced store is another candidate.
 */
function candidateName(id: MemberId, storeId: StoreId): string {
  return `${id}/${storeId}`;
}

/** Elections with pre-vote and leader leases (paper, 5.2 and 5.4.1; thesis, 4.2.3 and 9.6). */
export class Elections {
  readonly #state: RaftState;
  readonly #onWon: () => void;
  /** The votes received in this campaign, by voter. */
  #votes = new Map<MemberId, boolean>();
  /** Until this time the leader counts as dead, and this member repeats campaigns after short delays. */
  #leaderDeadUntilMs = -Infinity;

  constructor(state: RaftState, onWon: () => void) {
    this.#state = state;
    this.#onWon = onWon;
  }

  tick(): void {
    const state = this.#state;
    if (state.electionDueAtMs === Infinity) state.resetElectionTimer();
    if (state.role === 'leader' || state.nowMs < state.electionDueAtMs) return;
    if (state.isVoter) this.#startPreVote();
    else {
      state.setLeader(null);
      state.resetElectionTimer();
    }
  }

  /**
   * Handles the arrival of a message of the current leader: restarts the leader's lease and the election
   * timer.
   */
  leaderContacted(): void {
    this.#leaderDeadUntilMs = -Infinity;
    this.#state.leaderContactAtMs = this.#state.nowMs;
    this.#state.resetElectionTimer();
  }

  /**
   * Handles the report that the leader's process is dead: ends the leader's lease and shortens the election
   * timeout.
   */
  leaderDied(): void {
    const state = this.#state;
    const { deadLeaderDelayMsMax, electionMsMax } = state.options.timings;
    state.setLeader(null);
    this.#leaderDeadUntilMs = state.nowMs + electionMsMax;
    state.electionDueAtMs = Math.min(
      state.electionDueAtMs,
      state.nowMs + state.options.random() * deadLeaderDelayMsMax,
    );
  }

  /** Handles a stored write: if the write contains this member's own vote, the vote counts now. */
  stored(): void {
    const state = this.#state;
    if (state.role !== 'candidate' || !state.unstable.hardStateStored) return;
    this.#votes.set(state.options.id, true);
    this.#tally();
  }

  /**
   * Handles the `timeoutNow` message of a leadership transfer: this member campaigns at once and without a
   * pre-vote (thesis, 3.10).
   */
  timeoutNow(): void {
    if (this.#state.isVoter && this.#state.role !== 'leader') this.#campaign(true);
  }

  voteRequest(from: MemberId, request: RaftVoteRequest): void {
    const state = this.#state;
    if (state.role === 'none') return;
    // While the leader's lease lasts, no candidate may depose the leader. Otherwise a member behind a bad
    // link could depose leaders repeatedly (thesis, 4.2.3). This member also ignores the term of the request.
    if (request.term > state.term && !request.force && this.#isInLease()) return;
    if (request.term > state.term && !request.pre) state.becomeFollower(request.term, null, 'newer term');
    const name = candidateName(from, request.storeId);
    const free = state.votedFor === null && state.leader === null;
    const mayVote = request.pre
      ? request.term > state.term || (request.term === state.term && (free || state.votedFor === name))
      : request.term === state.term && (free || state.votedFor === name);
    const granted = mayVote && this.#isUpToDate(request);
    if (request.pre && granted) {
      const response = { type: 'voteResponse', pre: true, granted } as const;
      state.sendImmediately(from, request.storeId, request.term, response);
      this.#yieldTo(from);
      return;
    }
    if (granted) {
      if (state.votedFor !== name) state.setHardState({ term: state.term, votedFor: name });
      state.resetElectionTimer();
    }
    state.send(from, request.storeId, { type: 'voteResponse', pre: request.pre, granted });
  }

  /**
   * Counts a vote. The caller has checked that the vote comes from the store of a configured voter. The
   * caller has also checked that the vote's term is not above this member's term, unless the vote is a
   * granted pre-vote.
   */
  voteResponse(from: MemberId, response: RaftVoteResponse): void {
    const state = this.#state;
    const campaignRole = response.pre ? 'preCandidate' : 'candidate';
    if (state.role !== campaignRole) return;
    // A granted pre-vote contains the term of the request. All other responses contain the voter's own term.
    const expected = response.pre && response.granted ? state.term + 1 : state.term;
    if (response.term !== expected && (response.granted || response.term > expected)) return;
    this.#votes.set(from, response.granted);
    this.#tally();
  }

  /**
   * Delays this member's own campaign in favour of a candidate. When all members detect the leader's death at
   * the same moment, simultaneous campaigns would split the votes; with four of seven members left, every
   * vote is needed. So a member that has granted a pre-vote waits for that candidate. Of two pre-candidates
   * the one with the lower id has priority.
   */
  #yieldTo(candidate: MemberId): void {
    const state = this.#state;
    if (state.nowMs >= this.#leaderDeadUntilMs) return;
    const yields =
      state.role === 'follower' || (state.role === 'preCandidate' && candidate < state.options.id);
    if (!yields) return;
    if (state.role === 'preCandidate')
      state.becomeFollower(state.term, null, 'another candidate has priority');
    state.electionDueAtMs = state.nowMs + this.#retryDelayMs();
  }

  #retryDelayMs(): number {
    const { deadLeaderDelayMsMax } = this.#state.options.timings;
    return deadLeaderDelayMsMax * deadLeaderRetryDelays * (1 + this.#state.options.random());
  }

  /** Returns whether a leader has been in contact within the shortest election timeout (thesis, 4.2.3). */
  #isInLease(): boolean {
    const state = this.#state;
    if (state.role === 'leader') return true;
    return (
      state.leader !== null && state.nowMs - state.leaderContactAtMs < state.options.timings.electionMsMin
    );
  }

  /** Returns whether the candidate's log is at least as up to date as this member's log (paper, 5.4.1). */
  #isUpToDate(request: RaftVoteRequest): boolean {
    const { lastTerm, lastIndex } = this.#state.log;
    return request.lastTerm > lastTerm || (request.lastTerm === lastTerm && request.lastIndex >= lastIndex);
  }

  #resetTimer(): void {
    const state = this.#state;
    state.resetElectionTimer();
    if (state.nowMs >= this.#leaderDeadUntilMs) return;
    state.electionDueAtMs = Math.min(state.electionDueAtMs, state.nowMs + this.#retryDelayMs());
  }

  #startPreVote(): void {
    const state = this.#state;
    this.#resetTimer();
    state.setLeader(null);
    // While the disk has not stored the current term, it would not store the next term either.
    if (!state.unstable.hardStateStored) return;
    state.role = 'preCandidate';
    this.#votes = new Map([[state.options.id, true]]);
    this.#requestVotes(state.term + 1, true, false);
    this.#tally();
  }

  #campaign(force: boolean): void {
    const state = this.#state;
    state.setLeader(null);
    state.role = 'candidate';
    state.setHardState({
      term: state.term + 1,
      votedFor: candidateName(state.options.id, state.options.storeId),
    });
    state.emit({ kind: 'electionStarted', term: state.term });
    // The candidate's own vote counts only after the disk has stored this vote.
    this.#votes = new Map();
    this.#resetTimer();
    this.#requestVotes(state.term, false, force);
  }

  #requestVotes(term: number, pre: boolean, force: boolean): void {
    const state = this.#state;
    const { lastIndex, lastTerm } = state.log;
    const request = { type: 'voteRequest', pre, force, lastIndex, lastTerm } as const;
    for (const voter of state.configs.voters()) {
      if (voter.id === state.options.id) continue;
      if (pre) state.sendImmediately(voter.id, voter.storeId, term, request);
      else state.send(voter.id, voter.storeId, request);
    }
  }

  #tally(): void {
    const state = this.#state;
    if (state.configs.hasMajority((voter) => this.#votes.get(voter.id) === true)) {
      if (state.role === 'preCandidate') this.#campaign(false);
      else this.#onWon();
    } else if (state.configs.hasMajority((voter) => this.#votes.get(voter.id) === false)) {
      const dueAtMs = state.electionDueAtMs;
      state.becomeFollower(state.term, null, 'election lost');
      state.electionDueAtMs = dueAtMs;
    }
  }
}
