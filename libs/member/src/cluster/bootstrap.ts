import type { ClusterConfig, HelloMessage, MemberId, StoreId } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import type { Peers } from './peers.ts';

/** The first entry's place: founders start from an empty state at index 1 of term 1. */
export const bootstrapIndex = 1;
export const bootstrapTerm = 1;
/** How many hellos' time an operator's word waits for peers that say nothing. */
const forcedWaitHellos = 2;

/**
 * First start: all configured members are empty and agree whose stores they found with (design, section 6). A
 * cluster that exists already and counts this very store among its members is joined instead.
 */
export class Bootstrap {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  #forced = false;
  #startedMs: number | null = null;

  constructor(context: MemberContext, peers: Peers) {
    this.#context = context;
    this.#peers = peers;
  }

  /** An operator's word: found with whoever is known. */
  force(): void {
    this.#forced = true;
  }

  /** Whom a peer may tell about: everyone heard of, oneself included. */
  known(): HelloMessage['known'] {
    const { id, recovered } = this.#context.options;
    const known = [{ id, storeId: recovered.storeId, fresh: true }];
    for (const [peer, hello] of this.#peers.hellos) {
      known.push({ id: peer, storeId: hello.storeId, fresh: hello.fresh });
    }
    return known;
  }

  /** The configuration to start with, or null when it is not yet time. */
  decide(): ClusterConfig | null {
    return this.#existingCluster() ?? this.#newCluster();
  }

  /** In one clear sentence what is being waited for. */
  reason(): string {
    const { members, id } = this.#context.options;
    const missing = members.filter((member) => member !== id && !this.#peers.hellos.has(member));
    if (missing.length > 0) return `first start: waiting to hear from ${missing.join(', ')}`;
    const others = members.filter((member) => this.#peers.hellos.get(member)?.fresh === false);
    if (others.length > 0)
      return `joining: waiting for a majority of ${others.join(', ')} to let this member in`;
    return 'first start: waiting for all members to agree';
  }

  #existingCluster(): ClusterConfig | null {
    const { id, recovered } = this.#context.options;
    for (const hello of this.#peers.hellos.values()) {
      const itself = hello.config?.members.find((member) => member.id === id);
      if (
        itself?.storeId !== recovered.storeId ||
        itself.role !== 'voter' ||
        hello.appliedIndex > bootstrapIndex
      )
        continue;
      return hello.config;
    }
    return null;
  }

  #newCluster(): ClusterConfig | null {
    const { members, id, recovered } = this.#context.options;
    const stores = new Map<MemberId, StoreId>([[id, recovered.storeId]]);
    for (const [peer, hello] of this.#peers.hellos) {
      if (!hello.fresh) return null;
      stores.set(peer, hello.storeId);
    }
    if (!this.#mayForce()) {
      if (members.some((member) => !stores.has(member))) return null;
      for (const hello of this.#peers.hellos.values()) if (!sameStores(stores, hello)) return null;
    }
    const sorted = [...stores].sort(([left], [right]) => (left < right ? -1 : 1));
    return { members: sorted.map(([member, storeId]) => ({ id: member, storeId, role: 'voter' })) };
  }

  /** Not before every peer had the time to say that there is a cluster already. */
  #mayForce(): boolean {
    if (!this.#forced) return false;
    const { nowMs, options } = this.#context;
    this.#startedMs ??= nowMs;
    const silent = [...this.#peers.links].filter(
      ([peer, link]) => link !== 'refused' && !this.#peers.hellos.has(peer),
    );
    return silent.length === 0 || nowMs - this.#startedMs >= options.timings.helloMs * forcedWaitHellos;
  }
}

function sameStores(stores: ReadonlyMap<MemberId, StoreId>, hello: HelloMessage): boolean {
  return (
    hello.known.length === stores.size && hello.known.every(({ id, storeId }) => stores.get(id) === storeId)
  );
}
