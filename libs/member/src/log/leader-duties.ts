import { findMember } from '@mqtt-cluster/contracts';
import type { ClusterConfig, HelloMessage, Incarnation, MemberId, StoreId } from '@mqtt-cluster/contracts';
import type { Raft, RaftStatus } from '@mqtt-cluster/consensus';
import { decodeBatchHeader } from '@mqtt-cluster/mqtt-state';
import type { BatchHeader } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Peers } from '../cluster/peers.ts';
import type { Proposer } from './proposer.ts';
import { stamp, unstamp } from './stamp.ts';

/** A learner that lacks no more than this may vote: the rest comes with the next appends. */
const promotionLagEntriesMax = 64;
/** A change of members is not proposed more often than this. */
const membershipIntervalMs = 200;
/** `lost` and `time` commands are not repeated faster than this while they are on their way. */
const dutyIntervalMs = 50;
const lostIntervalMs = 1_000;
/** A newcomer that was not heard for this long is not let in. */
const newcomerSilenceMsMax = 5_000;
/** The store that an empty one replaces must have been silent for so long: else two hosts use one id. */
const replacedSilenceMsMin = 2_000;
/** Suspected ones that are remembered. */
const duplicatesMax = 64;

interface Cursor {
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
  readonly sequence: number;
}

/** What the leader does besides Raft: numbers, time stamps, timers, lost members, wiped and new ones. */
export class LeaderDuties {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #proposer: Proposer;
  /**
   * The last batch of each member that this leader has taken. Repeats of what an earlier leader left unapplied get into the log; applying
   * sorts them out.
   */
  readonly #cursors = new Map<MemberId, Cursor>();
  /** Since when another store is heard under the id of one that is there, ms; null: reported. */
  readonly #duplicates = new Map<StoreId, number | null>();
  readonly #lostProposedMs = new Map<MemberId, number>();
  #electedAtMs = 0;
  #baseTimeMs = 0;
  #membershipMs = -Infinity;
  #timeProposedMs = -Infinity;
  #semanticsMs = -Infinity;

  constructor(context: MemberContext, peers: Peers, proposer: Proposer) {
    this.#context = context;
    this.#peers = peers;
    this.#proposer = proposer;
  }

  /** Cluster time goes on from the last stamp in the log; no wall clock can move it (design, section 3). */
  elected(raft: Raft, appliedIndex: number): void {
    const { state, nowMs } = this.#context;
    this.#cursors.clear();
    this.#lostProposedMs.clear();
    this.#electedAtMs = nowMs;
    this.#baseTimeMs = state.timeMs;
    const { lastIndex } = raft.status();
    for (let index = appliedIndex + 1; index <= lastIndex; index++) {
      const entry = raft.entry(index);
      if (entry?.kind !== 'normal') continue;
      this.#baseTimeMs = Math.max(this.#baseTimeMs, unstamp(entry.data).timeMs);
    }
  }

  get timeMs(): number {
    return Math.max(this.#context.state.timeMs, this.#baseTimeMs + (this.#context.nowMs - this.#electedAtMs));
  }

  /** Takes the next batches of each member, in order; repeats and what follows a hole stay out (design, section 3). */
  accept(raft: Raft, batches: readonly Uint8Array[]): void {
    const timeMs = this.timeMs;
    const stamped: Uint8Array[] = [];
    for (const batch of batches) if (this.#isNext(batch)) stamped.push(stamp(timeMs, batch));
    if (stamped.length === 0) return;
    if (raft.propose(stamped) === null) this.#cursors.clear();
  }

  /** Once a turn. */
  duties(raft: Raft, status: RaftStatus): void {
    this.#runTimers();
    this.#loseSilentHomes();
    this.#raiseSemantics(status);
    this.#changeMembership(raft, status);
  }

  #isNext(batch: Uint8Array): boolean {
    const header = headerOf(batch);
    if (header === null) return false;
    const cursor: Cursor | undefined =
      this.#cursors.get(header.member) ?? this.#context.state.proposer(header.member);
    const same = cursor?.storeId === header.storeId && cursor.incarnation === header.incarnation;
    const next = same
      ? header.sequence === cursor.sequence + 1
      : header.sequence === 1 &&
        (cursor?.storeId !== header.storeId || header.incarnation > cursor.incarnation);
    if (next) this.#cursors.set(header.member, header);
    return next;
  }

  #runTimers(): void {
    const { state, nowMs } = this.#context;
    const deadline = state.nextDeadline();
    if (deadline === null || deadline > this.timeMs || nowMs - this.#timeProposedMs < dutyIntervalMs) return;
    this.#timeProposedMs = nowMs;
    this.#proposer.add({ kind: 'time' });
  }

  #loseSilentHomes(): void {
    const { state, nowMs, options } = this.#context;
    for (const member of this.#peers.ids) {
      const heardOrElected = Math.min(this.#peers.silentMs(member), nowMs - this.#electedAtMs);
      if (heardOrElected < options.timings.lostAfterMs) continue;
      if (nowMs - (this.#lostProposedMs.get(member) ?? -Infinity) < lostIntervalMs) continue;
      let incarnation: Incarnation | null = null;
      // The command may wait for long: what opens there until it is applied is not meant.
      let epochMax = 0;
      for (const session of state.connectedAt(member)) {
        incarnation = Math.max(incarnation ?? 0, session.home?.incarnation ?? 0);
        epochMax = Math.max(epochMax, session.epoch);
      }
      if (incarnation === null) continue;
      this.#lostProposedMs.set(member, nowMs);
      this.#proposer.add({ kind: 'lost', member, incarnation, epochMax });
    }
  }

  /** New kinds of entry are written only when all members know them (design, section 4). */
  #raiseSemantics(status: RaftStatus): void {
    const { state, semantics, nowMs, options } = this.#context;
    const version = state.semantics + 1;
    if (version > semantics.version || status.config === null) return;
    if (nowMs - this.#semanticsMs < membershipIntervalMs) return;
    const known = status.config.members.every(
      ({ id }) => id === options.id || (this.#peers.hellos.get(id)?.semantics ?? 0) >= version,
    );
    if (!known) return;
    this.#semanticsMs = nowMs;
    this.#proposer.add({ kind: 'semantics', version });
  }

  /** One change at a time: new and wiped members enter as learners and vote when they have caught up. */
  #changeMembership(raft: Raft, status: RaftStatus): void {
    const { nowMs } = this.#context;
    if (status.config === null || status.configChangePending) return;
    if (nowMs - this.#membershipMs < membershipIntervalMs) return;
    this.#membershipMs = nowMs;
    const next = this.#withNewcomer(status, status.config) ?? this.#withPromotion(status);
    if (next !== null) raft.proposeConfig(next);
  }

  #withNewcomer(status: RaftStatus, config: ClusterConfig): ClusterConfig | null {
    for (const id of this.#context.options.members) {
      const hello = this.#peers.hellos.get(id);
      if (hello === undefined || this.#peers.silentMs(id) > newcomerSilenceMsMax) continue;
      const known = findMember(config, id);
      if (known?.storeId === hello.storeId) continue;
      if (!hello.fresh && !(known !== undefined && isStranded(id, hello, config))) continue;
      if (known !== undefined && (status.silentMs[id] ?? Infinity) < replacedSilenceMsMin) {
        this.#reportDuplicate(id, hello.storeId);
        continue;
      }
      // Two hosts may use one id: only the one that the members reach under its address is let in.
      if (this.#peers.links.get(id) !== 'up') continue;
      const others = config.members.filter((member) => member.id !== id);
      return { members: [...others, { id, storeId: hello.storeId, role: 'learner' }] };
    }
    return null;
  }

  /**
   * Once: it goes on saying who it is. Only when the former store goes on answering: a wiped member may come back before that
   * one counts as silent.
   */
  #reportDuplicate(member: MemberId, storeId: StoreId): void {
    const { nowMs, events } = this.#context;
    if (!this.#duplicates.has(storeId)) {
      if (this.#duplicates.size >= duplicatesMax) this.#duplicates.clear();
      this.#duplicates.set(storeId, nowMs);
    }
    const sinceMs = this.#duplicates.get(storeId) ?? null;
    if (sinceMs === null || nowMs - sinceMs < replacedSilenceMsMin) return;
    this.#duplicates.set(storeId, null);
    events.push({ kind: 'duplicateMemberId', member, storeId });
  }

  #withPromotion(status: RaftStatus): ClusterConfig | null {
    const { members } = status.config!;
    const ready = members.find((member) => {
      if (member.role !== 'learner' || this.#peers.hellos.get(member.id)?.storeId !== member.storeId)
        return false;
      const lag = status.commitIndex - (status.match[member.id] ?? 0);
      const serving = this.#peers.hellos.get(member.id)?.state === 'serving';
      return (
        serving && lag <= promotionLagEntriesMax && (status.silentMs[member.id] ?? Infinity) < lostIntervalMs
      );
    });
    if (ready === undefined) return null;
    return { members: members.map((member) => (member === ready ? { ...member, role: 'voter' } : member)) };
  }
}

/**
 * A store that was let in as a learner by an entry that another leader has overwritten: not empty any more, but it has
 * never voted, and the cluster it knows is this one. One store that both name proves that; others may have been replaced since.
 */
function isStranded(id: MemberId, { storeId, config: theirs }: HelloMessage, ours: ClusterConfig): boolean {
  const itself = theirs === null ? undefined : findMember(theirs, id);
  if (theirs === null || itself?.storeId !== storeId || itself.role !== 'learner') return false;
  return theirs.members.some(
    (member) => member !== itself && findMember(ours, member.id)?.storeId === member.storeId,
  );
}

/** Null for bytes that are no batch: a peer's fault is not this member's. */
export function headerOf(batch: Uint8Array): BatchHeader | null {
  try {
    return decodeBatchHeader(batch);
  } catch {
    return null;
  }
}
