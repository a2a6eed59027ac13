import { findMember } from '@mqtt-cluster/contracts';
import type { ClusterConfig, HelloMessage, MemberId, StoreId } from '@mqtt-cluster/contracts';
import type { Raft, RaftStatus } from '@mqtt-cluster/consensus';
import type { MemberContext } from '../context.ts';
import type { Peers } from './peers.ts';

/** Shortest interval between two proposed changes of members. */
const membershipIntervalMs = 200;
/** The leader promotes a learner to a voter when the learner lacks at most this many entries. */
const promotionLagEntriesMax = 64;
/** The leader does not add a new member that has sent no message for longer than this. */
const newcomerSilenceMsMax = 5_000;
/**
 * A fresh store may replace a member's store only after the member's store has sent no message for this long.
 * If the former store still sends messages, two hosts use one member id.
 */
const replacedSilenceMsMin = 2_000;
/** Upper bound of the number of stores in `#duplicates`. */
const duplicatesMax = 64;
/** The leader does not promote a learner that has sent no message for longer than this. */
const learnerSilenceMsMax = 1_000;

/** Changes of members that the leader proposes by itself: it adds new and wiped members and promotes learners. */
export class Membership {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  /**
   * Stores that use the id of another connected store, with the time at which each was first seen, ms. Null
   * when the duplicate is already reported.
   */
  readonly #duplicates = new Map<StoreId, number | null>();
  #membershipMs = -Infinity;

  constructor(context: MemberContext, peers: Peers) {
    this.#context = context;
    this.#peers = peers;
  }

  /**
   * Proposes one change at a time: new and wiped members become learners, and learners that have caught up
   * become voters.
   */
  proposeChange(raft: Raft, status: RaftStatus): void {
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
      // Two hosts may use one member id. The leader adds only the host that it reaches at the configured
      // address.
      if (this.#peers.links.get(id) !== 'up') continue;
      const others = config.members.filter((member) => member.id !== id);
      return { members: [...others, { id, storeId: hello.storeId, role: 'learner' }] };
    }
    return null;
  }

  /**
   * Reports a duplicate member id once per store, and only when the former store still sends messages after
   * `replacedSilenceMsMin`: until then the new store may belong to a wiped member that returned early.
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
        serving &&
        lag <= promotionLagEntriesMax &&
        (status.silentMs[member.id] ?? Infinity) < learnerSilenceMsMax
      );
    });
    if (ready === undefined) return null;
    return { members: members.map((member) => (member === ready ? { ...member, role: 'voter' } : member)) };
  }
}

/**
 * Returns true for a stranded store: the store was added as a learner by an entry that another leader has
 * overwritten. A stranded store is no longer fresh, but it has never voted. If the store's configuration and
 * the current one have a store in common, the stranded store belongs to this cluster.
 */
function isStranded(id: MemberId, { storeId, config: theirs }: HelloMessage, ours: ClusterConfig): boolean {
  const itself = theirs === null ? undefined : findMember(theirs, id);
  if (theirs === null || itself?.storeId !== storeId || itself.role !== 'learner') return false;
  return theirs.members.some(
    (member) => member !== itself && findMember(ours, member.id)?.storeId === member.storeId,
  );
}
