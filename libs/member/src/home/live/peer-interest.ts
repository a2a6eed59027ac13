import type { InterestMessage, MemberId } from '@mqtt-cluster/contracts';
import { SubscriptionTrie } from '@mqtt-cluster/mqtt-state';

interface Announced {
  readonly filters: Set<string>;
  /** Store id and incarnation of the peer; undefined for an older version. */
  run: string | undefined;
  version: number;
  /** False when a message of the peer is missing. The next message with `full` completes the set. */
  complete: boolean;
}

/** The interest of the peers: the topic filters that they have announced for their clients. */
export class PeerInterest {
  readonly #trie = new SubscriptionTrie<MemberId>();
  readonly #announced = new Map<MemberId, Announced>();

  /** Calls `visit` with each peer that has a matching filter, once for each filter. */
  match(topic: string, visit: (peer: MemberId) => void): void {
    this.#trie.match(topic, visit);
  }

  /** Returns whether a peer has a matching filter. */
  matches(topic: string): boolean {
    return this.#trie.matches(topic).length > 0;
  }

  /** @returns whether this member now has the whole interest of this version, so that it may answer */
  receive(from: MemberId, interest: InterestMessage): boolean {
    const { storeId, incarnation, full, version } = interest;
    // A wiped store counts its incarnations from 1 again.
    const run = incarnation === undefined ? undefined : `${storeId}/${incarnation}`;
    let known = this.#announced.get(from);
    if (known === undefined) {
      known = { filters: new Set(), run, version: 0, complete: false };
      this.#announced.set(from, known);
    }
    const isSameRun = run !== undefined && run === known.run;
    // A message that a third member relayed can arrive after a newer message.
    if (isSameRun && known.complete && version < known.version) return false;
    if (full) {
      const now = new Set(interest.add);
      for (const filter of known.filters) if (!now.has(filter)) this.#remove(from, known.filters, filter);
    }
    for (const filter of interest.remove) this.#remove(from, known.filters, filter);
    for (const filter of interest.add) this.#add(from, known.filters, filter);
    known.complete = full || (isSameRun && known.complete && version <= known.version + 1);
    known.run = run;
    known.version = version;
    return known.complete && run !== undefined;
  }

  #add(from: MemberId, filters: Set<string>, filter: string): void {
    if (filters.has(filter)) return;
    filters.add(filter);
    this.#trie.add(filter, from, from);
  }

  #remove(from: MemberId, filters: Set<string>, filter: string): void {
    if (filters.delete(filter)) this.#trie.remove(filter, from);
  }
}
