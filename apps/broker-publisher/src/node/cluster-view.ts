import type { MemberAdvertisement, MemberId, MemberStatus } from '@mqtt-cluster/contracts';

/** Redirected only to a member that is this much better off: two busy ones would play ball with a client. */
const betterByMin = 0.2;

export interface ClusterViewOptions {
  /** All members of the configuration, in its order. */
  readonly members: readonly MemberId[];
  /** Where clients reach them. */
  readonly urls: ReadonlyMap<MemberId, readonly string[]>;
}

/** What `$SYS/cluster/members` says, and where a client is better off. */
export class ClusterView {
  readonly #options: ClusterViewOptions;

  constructor(options: ClusterViewOptions) {
    this.#options = options;
  }

  /** `load`: this member's own. */
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
   * Host and port of the serving member that is least busy. A member that serves itself sends nobody to one that is hardly
   * better off.
   */
  elsewhere(status: MemberStatus, load: number): string | undefined {
    const loadMax = status.state === 'serving' ? load - betterByMin : Infinity;
    const others = this.advertisements(status, load).filter(
      (member) =>
        member.id !== status.id &&
        member.state === 'serving' &&
        member.urls.length > 0 &&
        member.load <= loadMax,
    );
    others.sort((left, right) => left.load - right.load || left.clients - right.clients);
    const url = others[0]?.urls[0];
    return url === undefined ? undefined : new URL(url).host;
  }
}
