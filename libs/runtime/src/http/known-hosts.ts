import { isIP } from 'node:net';

/** A header Host: a name, or an IPv6 address in brackets, and a port. */
const hostPattern = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d{1,5})?$/i;

/**
 * The host names under which browsers may address a server. An attacker can let the DNS name of a page resolve to the
 * address of the server (DNS rebinding). The requests of that page then have the attacker's name in the header Host. An
 * IP address needs no entry, because a page at an IP address comes from that address. The name `localhost` and names
 * below `.localhost` need no entry either: browsers never look them up.
 */
export class KnownHosts {
  readonly #names: ReadonlySet<string>;

  /** @param names names without port, in any case */
  constructor(names: Iterable<string>) {
    this.#names = new Set([...names].map((name) => name.toLowerCase().replace(/\.$/, '')));
  }

  /**
   * Returns whether a request with this header Host is addressed to a known host. A request without the header, which
   * HTTP/1.0 allows and no browser sends, is.
   */
  includes(header: string | undefined): boolean {
    if (header === undefined) return true;
    const [, host = ''] = hostPattern.exec(header) ?? [];
    const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
    if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true;
    return this.#names.has(name);
  }
}
