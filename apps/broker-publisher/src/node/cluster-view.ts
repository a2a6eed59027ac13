import type { MemberAdvertisement, MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import type { ClientUrls } from '../config.ts';

/**
 * A serving member redirects clients only to a member whose load is lower by at least this much. Otherwise
 * two busy members would redirect a client back and forth.
 */
const loadDifferenceMin = 0.2;

export interface ClusterViewOptions {
  /** All members of the configuration, in its order. */
  readonly members: readonly MemberId[];
  readonly urls: ClientUrls;
}

/**
 * The cluster as this member sees it: the content of `$SYS/cluster/members`, and the target of redirections.
 */
export class ClusterView {
  readonly #options: ClusterViewOptions;

  constructor(options: ClusterViewOptions) {
    this.#options = options;
  }

  /** Returns one advertisement for each member. `load`: the load of this member. */
  advertisements(status: MemberStatus, load: number): MemberAdvertisement[] {
    return this.#options.members.map((id) => {
      const urls = this.#options.urls.get(id) ?? [];
      if (id === status.id) return { id, urls, state: status.state, clients: status.connections, load };
      const peer = status.peers[id];
      const reachable = peer !== undefined && status.links[id] === 'up';
      const state = reachable ? peer.state : 'unreachable';
      return { id, urls, state, clients: peer?.clients ?? 0, load: peer?.load ?? 0 };
    });
  }

  /**
   * Returns host and port of the serving member with the lowest load, as the Server Reference of a
   * redirection. Returns undefined when this member serves and no other member has a clearly lower load.
   */
  redirectTarget(status: MemberStatus, load: number): string | undefined {
    const loadMax = status.state === 'serving' ? load - loadDifferenceMin : Infinity;
    const candidates = this.advertisements(status, load).filter(
      (member) =>
        member.id !== status.id &&
        member.state === 'serving' &&
        member.urls.length > 0 &&
        member.load <= loadMax,
    );
    candidates.sort((left, right) => left.load - right.load || left.clients - right.clients);
    const url = candidates[0]?.urls[0];
    return url === undefined ? undefined : new URL(url).host;
  }
}
