import type { ClusterConfig, HelloMessage, MemberId, StoreId } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import type { Peers } from './peers.ts';

/** Index and term of the first snapshot: all members of a new cluster start from an empty state there. */
export const bootstrapIndex = 1;
export const bootstrapTerm = 1;
/**
 * Number of hello intervals that a forced bootstrap waits for hello messages of the missing peers. Such a
 * peer may belong to an existing cluster.
 */
const forcedWaitHellos = 2;

/**
 * Decides when a new cluster can bootstrap: all configured members have fresh stores and report the same set
 * of stores (docs/DESIGN.md, "Membership"). If the configuration of an existing cluster lists this store as a
 * voter, the member uses that configuration instead.
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

  /**
   * Allows, on the request of an operator, the bootstrap with only those members that have sent a hello
   * message.
   */
  force(): void {
    this.#forced = true;
  }

  /**
   * Returns the store ids of all members that sent a hello message, and of this member. This member reports
   * these store ids in its hello messages.
   */
  known(): HelloMessage['known'] {
    const { id, recovered } = this.#context.options;
    const known = [{ id, storeId: recovered.storeId, fresh: true }];
    for (const [peer, hello] of this.#peers.hellos) {
      known.push({ id: peer, storeId: hello.storeId, fresh: hello.fresh });
    }
    return known;
  }

  /** Returns the first cluster configuration, or null while the conditions of the bootstrap are not met. */
  decide(): ClusterConfig | null {
    return this.#existingCluster() ?? this.#newCluster();
  }

  /** Returns the reason why the bootstrap waits, in one sentence for operators. */
  reason(): string {
    const { members, id } = this.#context.options;
    const missing = members.filter((member) => member !== id && !this.#peers.hellos.has(member));
    if (missing.length > 0) return `first start: waiting for a connection to ${missing.join(', ')}`;
    const others = members.filter((member) => this.#peers.hellos.get(member)?.fresh === false);
    if (others.length > 0)
      return `joining: waiting for a majority of ${others.join(', ')} to add this member`;
    return 'first start: waiting until all members report the same members';
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

  /** Returns true when every peer has had enough time to report in a hello message that a cluster exists. */
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
