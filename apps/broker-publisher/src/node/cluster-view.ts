import { isLoopback } from '@mqtt-cluster/contracts';
import type { MemberAdvertisement, MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import type { ClientUrls } from '../config.ts';
import { kindOfUrl } from '../listeners/client-listeners.ts';
import type { ListenerKind } from '../listeners/client-listeners.ts';

/**
 * A serving member redirects clients only to a member whose load is lower by at least this much. Otherwise
 * two busy members would redirect a client back and forth.
 */
const loadDifferenceMin = 0.2;

export interface ClusterViewOptions {
  /** All members of the configuration, in its order. */
  readonly members: readonly MemberId[];
  /** The setting `urls`. The URLs of a member without an entry are those of its last hello message. */
  readonly urls: ClientUrls;
  /** URLs that this member announces. */
  readonly ownUrls: readonly string[];
  /** True if all members are on this host, so that loopback addresses of peers are usable. */
  readonly usesLoopback: boolean;
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
      const peer = status.peers[id];
      const urls = this.#urlsOf(id, id === status.id ? this.#options.ownUrls : (peer?.urls ?? []));
      if (id === status.id) return { id, urls, state: status.state, clients: status.connections, load };
      const reachable = peer !== undefined && status.links[id] === 'up';
      const state = reachable ? peer.state : 'unreachable';
      return { id, urls, state, clients: peer?.clients ?? 0, load: peer?.load ?? 0 };
    });
  }

  #urlsOf(id: MemberId, announced: readonly string[]): readonly string[] {
    const { urls, usesLoopback } = this.#options;
    return urls.get(id) ?? announced.filter((url) => usesLoopback || !hasLoopbackHost(url));
  }

  /**
   * Returns host and port of the serving member with the lowest load, as the Server Reference of a
   * redirection. Returns undefined when this member serves and no other member has a clearly lower load.
   *
   * @param kind kind of the listener that the client uses. A client with TLS must not be sent to a plain listener, and a
   *   client without TLS cannot use a listener with TLS
   */
  redirectTarget(status: MemberStatus, load: number, kind: ListenerKind): string | undefined {
    const loadMax = status.state === 'serving' ? load - loadDifferenceMin : Infinity;
    const urlOf = ({ urls }: MemberAdvertisement): string | undefined =>
      urls.find((url) => kindOfUrl(url) === kind);
    const candidates = this.advertisements(status, load).filter(
      (member) =>
        member.id !== status.id &&
        member.state === 'serving' &&
        urlOf(member) !== undefined &&
        member.load <= loadMax,
    );
    candidates.sort((left, right) => left.load - right.load || left.clients - right.clients);
    const url = candidates[0] && urlOf(candidates[0]);
    return url === undefined ? undefined : hostAndPort(new URL(url));
  }
}

/** `URL` omits the default ports of `ws` and `wss`; without a port, a client would use that of MQTT. */
function hostAndPort({ protocol, hostname, port }: URL): string {
  const effective = port === '' ? { 'ws:': '80', 'wss:': '443' }[protocol] : port;
  return effective === undefined ? hostname : `${hostname}:${effective}`;
}

/** Also returns true for a text that is not a URL, because a peer may announce any text. */
function hasLoopbackHost(url: string): boolean {
  return !URL.canParse(url) || isLoopback(new URL(url).hostname);
}
