import { memberAdvertisementsSchema, parseJson } from '@mqtt-cluster/contracts';
import type { MemberAdvertisement } from '@mqtt-cluster/contracts';
import { normalizeUrl, parseAddress, parseServerReference, usesTls } from './address.ts';
import { OptionsError } from '../errors.ts';
import { rendezvousOrder } from './rendezvous.ts';
import type { Server } from '../types.ts';
import type { Scheme } from './address.ts';

export interface Candidate {
  readonly id: string;
  readonly url: string;
}

type MemberState = MemberAdvertisement['state'] | 'unknown' | 'removed';

interface KnownServer extends Candidate {
  readonly configured: boolean;
  readonly state: MemberState;
  readonly avoidUntilMs: number;
}

/** An isolated member still serves QoS 0 and mostly QoS 1, so it comes before members that accept no clients. */
const rankOfState: Readonly<Record<MemberState, number>> = {
  serving: 0,
  unknown: 0,
  isolated: 1,
  joining: 2,
  draining: 2,
  removed: 2,
  unreachable: 3,
};

/**
 * Upper bound of the advertised members that the client accepts. It is above the size of any cluster and
 * bounds the memory for a wrong advertisement.
 */
const advertisedServersMax = 64;

/** The servers that the client knows, and the order in which it tries them. */
export class ServerList {
  readonly #clientId: string;
  readonly #preferred: string | undefined;
  /** Schemes of the configured servers. The client uses no server with another scheme. */
  readonly #schemes: ReadonlySet<Scheme>;
  #servers = new Map<string, KnownServer>();

  /** @throws OptionsError the list is empty, a URL is invalid, or only some of the servers use TLS */
  constructor(clientId: string, servers: readonly Server[], preferred?: string) {
    if (servers.length === 0) throw new OptionsError('servers: at least one server is required');
    this.#clientId = clientId;
    this.#preferred = preferred === undefined ? undefined : (normalizeUrl(preferred) ?? preferred);
    this.#schemes = new Set(servers.map(({ url }) => parseAddress(url).scheme));
    if (new Set([...this.#schemes].map(usesTls)).size > 1)
      throw new OptionsError('servers: must all use TLS (mqtts, wss), or none of them (mqtt, ws)');
    for (const server of servers) {
      const url = normalizeUrl(server.url) ?? server.url;
      const id = server.id ?? url;
      // If several configured addresses have the same id, only the first address is used.
      if (this.#servers.has(id)) continue;
      this.#servers.set(id, { id, url, configured: true, state: 'unknown', avoidUntilMs: 0 });
    }
  }

  /**
   * Applies the members that the cluster advertises. Configured servers stay in the list with their
   * configured address.
   */
  update(members: readonly MemberAdvertisement[]): void {
    const next = new Map<string, KnownServer>();
    const configured = [...this.#servers.values()].filter((server) => server.configured);
    for (const member of members.slice(0, advertisedServersMax)) {
      const urls = this.#usable(member.urls);
      const own = configured.find((server) => server.id === member.id || urls.includes(server.url));
      const url = own?.url ?? urls[0];
      if (url === undefined) continue;
      const avoidUntilMs = (this.#servers.get(member.id) ?? own)?.avoidUntilMs ?? 0;
      next.set(member.id, { id: member.id, url, configured: !!own, state: member.state, avoidUntilMs });
    }
    const covered = new Set([...next.values()].map((server) => server.url));
    for (const server of configured) {
      if (!covered.has(server.url)) next.set(server.id, { ...server, state: 'removed' });
    }
    this.#servers = next;
  }

  /** Puts a server after other servers of the same state until `untilMs`. */
  avoid(id: string, untilMs: number): void {
    const server = this.#servers.get(id);
    if (server) this.#servers.set(id, { ...server, avoidUntilMs: untilMs });
  }

  state(id: string): MemberState {
    return this.#servers.get(id)?.state ?? 'removed';
  }

  /** Returns the current id of a server: the cluster may have advertised an id for its address. */
  identify(candidate: Candidate): string {
    if (this.#servers.has(candidate.id)) return candidate.id;
    return [...this.#servers.values()].find((server) => server.url === candidate.url)?.id ?? candidate.id;
  }

  /**
   * Returns the servers of a Server Reference, including servers that are not in this list.
   *
   * @param from URL of the server that sent the reference
   */
  fromReference(reference: string, from: string): Candidate[] {
    const urls = parseServerReference(reference, from);
    return urls.slice(0, advertisedServersMax).map((url) => {
      const known = [...this.#servers.values()].find((server) => server.url === url);
      return known ? { id: known.id, url } : { id: url, url };
    });
  }

  /**
   * Returns all servers in the order in which the client tries them. The servers in `last` come at the end.
   */
  order(nowMs: number, last: readonly string[] = []): Candidate[] {
    const rendezvousRank = new Map(
      rendezvousOrder(this.#clientId, [...this.#servers.keys()]).map((id, index) => [id, index]),
    );
    const key = (server: KnownServer): readonly number[] => [
      last.includes(server.id) ? 1 : 0,
      rankOfState[server.state],
      server.avoidUntilMs > nowMs ? 1 : 0,
      server.id === this.#preferred || server.url === this.#preferred ? 0 : 1,
      rendezvousRank.get(server.id) ?? 0,
    ];
    return [...this.#servers.values()]
      .map((server) => ({ server, key: key(server) }))
      .sort((a, b) => compareKeys(a.key, b.key))
      .map(({ server: { id, url } }) => ({ id, url }));
  }

  #usable(urls: readonly string[]): string[] {
    const normalized = urls.map(normalizeUrl).filter((url) => url !== undefined);
    return normalized.filter((url) => this.#schemes.has(parseAddress(url).scheme));
  }
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Decodes the retained `$SYS/cluster/members`. Returns undefined when the payload is not a list of members. */
export function parseAdvertisements(payload: Uint8Array): readonly MemberAdvertisement[] | undefined {
  return parseJson(memberAdvertisementsSchema, payload);
}
