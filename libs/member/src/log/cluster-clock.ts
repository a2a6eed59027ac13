import type { ClusterConfig, HelloMessage, MemberId, PeerMessage, StoreId } from '@mqtt-cluster/contracts';
import type { RaftStatus } from '@mqtt-cluster/consensus';
import type { MqttState } from '@mqtt-cluster/mqtt-state';
import type { MemberOptions } from '../options.ts';

/**
 * Part of the time since the last message of the leader by which the estimate may slow down. It covers the
 * difference in rate between two clocks, and it keeps one delayed message from moving the estimate back.
 */
const slewRate = 1 / 500;
/**
 * The first message of a new leader moves the estimate back at once by at most this much, ms. Two clocks and the delay of a
 * message differ by less. A larger difference may come from a message that has waited on its way.
 */
const backAtOnceMsMax = 100;
/** A larger difference counts after this time, ms, if no message of the new leader has shown a smaller one. */
const newLeaderMs = 1_000;
/**
 * A leader that was elected without a continuous estimate takes further estimates into account for this long.
 * Members that start later than the electing majority arrive within this time.
 */
const lateEstimatesMs = 60_000;
/** Upper bound of cluster time, as in the replicated state. Larger values come from a faulty clock or peer. */
const clusterTimeMsMax = 2 ** 52;

type RaftEnvelope = Extract<PeerMessage, { type: 'raft' }>;
type LeaderStatus = Pick<RaftStatus, 'role' | 'leader' | 'term' | 'config'>;

/** The part of the member's context that the clock reads. */
interface ClockContext {
  readonly nowMs: number;
  readonly state: Pick<MqttState, 'timeMs'>;
  readonly options: Pick<MemberOptions, 'id' | 'recovered'>;
}

/** An estimate is kept as its difference to this member's monotonic clock, so that it advances by itself. */
type Offset = number;

/** The estimate of a voter when its vote arrived, and the longest time that the vote can have been on its way, ms. */
interface VoterEstimate {
  readonly offset: Offset;
  readonly waitMsMax: number;
}

/**
 * This member's estimate of cluster time (docs/DESIGN.md, "Cluster time").
 *
 * An estimate is continuous if the member has led or followed a leader since its start: it is the leader's
 * time plus the monotonic time since then. Until then the member has only the estimate of its wall clock,
 * which it uses for nothing but the election of a leader's time.
 */
export class ClusterClock {
  readonly #context: ClockContext;
  #offset: Offset | null = null;
  #wallOffset: Offset | null = null;
  /** The term of the leader that set `#offset`. */
  #term = 0;
  #followedMs = 0;
  /** The new leader whose first message may have waited, with the highest estimate of its messages. */
  #newLeader: { readonly sinceMs: number; highest: Offset } | null = null;
  #electedMs = 0;
  /** Continuous estimates of the members that granted their vote in `#votesTerm`. */
  readonly #votes = new Map<MemberId, VoterEstimate>();
  #votesTerm = 0;
  /** The newest term in which this member has asked for votes, and when it began to ask, on the monotonic clock. */
  #candidacy: { readonly term: number; readonly sinceMs: number } = { term: 0, sinceMs: 0 };
  /** Estimates by the peers' wall clocks. */
  readonly #wallOffsets = new Map<MemberId, { readonly storeId: StoreId; readonly offset: Offset }>();

  constructor(context: ClockContext) {
    this.#context = context;
  }

  /** Cluster time, ms. It is never below the time of the last applied entry. */
  get nowMs(): number {
    const { state, nowMs } = this.#context;
    return this.#offset === null ? state.timeMs : Math.max(state.timeMs, nowMs + this.#offset);
  }

  /**
   * The time by which messages expire here, ms. It is the lower one of two estimates while this member does not know whether
   * the first message of a new leader has waited. So a message does not expire early, whichever one is right.
   */
  get expiryMs(): number {
    const { state, nowMs } = this.#context;
    const lower = this.#newLeader === null ? Infinity : nowMs + this.#newLeader.highest;
    return Math.max(state.timeMs, Math.min(this.nowMs, lower));
  }

  /** Cluster time by the wall clock, ms, for hello messages; null without a clock record. */
  get wallTimeMs(): number | null {
    return this.#wallOffset === null ? null : this.#context.nowMs + this.#wallOffset;
  }

  get isContinuous(): boolean {
    return this.#offset !== null;
  }

  /** Called at the first tick, because the monotonic clock is unknown before. */
  started(): void {
    const { clusterTimeMs } = this.#context.options.recovered;
    if (isTime(clusterTimeMs)) this.#wallOffset = clusterTimeMs - this.#context.nowMs;
  }

  /**
   * Takes the cluster time from an append request of the current leader, and the estimate from a granted vote.
   * @param status Raft's status before the message
   */
  messageReceived(from: MemberId, envelope: RaftEnvelope, status: LeaderStatus): void {
    const { message, clusterTimeMs } = envelope;
    if (!isTime(clusterTimeMs)) return;
    if (message.type === 'appendRequest') {
      if (from === status.leader && message.term === status.term) this.#follow(message.term, clusterTimeMs);
    } else if (message.type === 'voteResponse' && message.granted && !message.pre) {
      const { term, sinceMs } = this.#candidacy;
      const waitMsMax = term === message.term ? this.#context.nowMs - sinceMs : 0;
      this.#voted(from, message.term, clusterTimeMs, waitMsMax);
      if (message.term === status.term) this.#considerLateEstimates(status);
    }
  }

  /** Called when this member asks for votes of a term. Repeated requests do not count. */
  votesRequested(term: number): void {
    if (term > this.#candidacy.term) this.#candidacy = { term, sinceMs: this.#context.nowMs };
  }

  /** Takes the estimate by a peer's wall clock. */
  helloReceived(from: MemberId, { storeId, wallTimeMs }: HelloMessage, status: LeaderStatus): void {
    if (isTime(wallTimeMs))
      this.#wallOffsets.set(from, { storeId, offset: wallTimeMs - this.#context.nowMs });
    else this.#wallOffsets.delete(from);
    this.#considerLateEstimates(status);
  }

  /**
   * Continues cluster time as the new leader.
   * @param newestStampMs the newest stamp in the leader's log
   */
  elected(term: number, newestStampMs: number, config: ClusterConfig | null): void {
    const { id } = this.#context.options;
    const { nowMs } = this.#context;
    if (this.#offset !== null) this.#voted(id, term, nowMs + this.#offset, 0);
    this.#term = term;
    this.#newLeader = null;
    this.#electedMs = nowMs;
    const stampOffset = Math.max(newestStampMs, this.#context.state.timeMs) - nowMs;
    this.#offset = Math.max(stampOffset, this.#estimate(config));
  }

  #follow(term: number, timeMs: number): void {
    const { nowMs } = this.#context;
    const offset = timeMs - nowMs;
    if (this.#offset === null) this.#offset = offset;
    else if (term === this.#term) this.#offset = this.#followed(this.#offset, offset);
    else {
      const mayHaveWaited = this.#offset - offset > backAtOnceMsMax;
      this.#newLeader = mayHaveWaited ? { sinceMs: nowMs, highest: offset } : null;
      if (!mayHaveWaited) this.#offset = offset;
    }
    this.#term = term;
    this.#followedMs = nowMs;
  }

  /** Returns the estimate after a message of the leader that gives the estimate `offset`. */
  #followed(estimate: Offset, offset: Offset): Offset {
    const { nowMs } = this.#context;
    const leader = this.#newLeader;
    if (leader === null) return Math.max(offset, estimate - (nowMs - this.#followedMs) * slewRate);
    leader.highest = Math.max(leader.highest, offset);
    if (nowMs - leader.sinceMs < newLeaderMs) return Math.max(offset, estimate);
    this.#newLeader = null;
    return leader.highest;
  }

  #voted(from: MemberId, term: number, timeMs: number, waitMsMax: number): void {
    if (term < this.#votesTerm) return;
    if (term > this.#votesTerm) this.#votes.clear();
    this.#votesTerm = term;
    this.#votes.set(from, { offset: timeMs - this.#context.nowMs, waitMsMax });
  }

  /** A leader takes an estimate into account that arrives after its election. Cluster time only advances. */
  #considerLateEstimates({ role, config }: LeaderStatus): void {
    if (role !== 'leader' || this.#offset === null) return;
    if (this.#context.nowMs - this.#electedMs > lateEstimatesMs) return;
    this.#offset = Math.max(this.#offset, this.#estimate(config));
  }

  /**
   * Returns the lower median of the continuous estimates, or of the wall clocks if there is no continuous
   * estimate. A single wrong clock therefore does not move cluster time forward.
   *
   * A vote that has waited for a link makes the estimate of its voter too low. So the leader keeps its own estimate up to the
   * lower median of what the estimates are if every vote has been on its way for as long as possible.
   */
  #estimate(config: ClusterConfig | null): Offset {
    if (this.#votesTerm === this.#term && this.#votes.size > 0) {
      const votes = [...this.#votes.values()];
      const own = this.#votes.get(this.#context.options.id)?.offset ?? -Infinity;
      const highest = lowerMedian(votes.map(({ offset, waitMsMax }) => offset + waitMsMax));
      return Math.max(lowerMedian(votes.map(({ offset }) => offset)), Math.min(own, highest));
    }
    const voters = (config?.members ?? []).filter(({ role }) => role === 'voter');
    const offsets = voters.flatMap(({ id, storeId }) => {
      if (id === this.#context.options.id) return this.#wallOffset ?? [];
      const peer = this.#wallOffsets.get(id);
      return peer?.storeId === storeId ? peer.offset : [];
    });
    const majority = Math.floor(voters.length / 2) + 1;
    // Without the estimates of a majority, cluster time continues from the newest stamp.
    return offsets.length < majority ? -Infinity : lowerMedian(offsets);
  }
}

function lowerMedian(offsets: Offset[]): Offset {
  offsets.sort((left, right) => left - right);
  return offsets[Math.floor((offsets.length - 1) / 2)] ?? -Infinity;
}

function isTime(timeMs: number | undefined): timeMs is number {
  return timeMs !== undefined && timeMs >= 0 && timeMs <= clusterTimeMsMax;
}
