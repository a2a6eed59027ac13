import type { IncomingHttpHeaders } from 'node:http';
import type { KnownHosts } from './known-hosts.ts';
import { isFromOtherOrigin, isOwnOrigin, mayBeFromPage } from './request-origin.ts';

/**
 * The header of requests that change something, with the value 1. A page of another origin cannot add it without a
 * preflight request, which no server here answers.
 */
export const changeHeader = 'x-mqtt-cluster';

/** The parts of a request on which the protection against pages of other origins depends. */
export interface GuardedRequest {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Whether the connection uses TLS. */
  readonly isSecure: boolean;
}

export interface CrossSiteRefusal {
  /** 421: the host is unknown. */
  readonly code: 403 | 421;
  readonly reason: string;
}

export interface CrossSiteRules {
  readonly hosts: KnownHosts;
  /** Returns whether each change at this path needs {@link changeHeader}, whatever program sends it. */
  readonly needsChangeHeader: (path: string) => boolean;
}

const quotedLengthMax = 100;

/**
 * Returns why a request is refused, or null. A person on this host or with a session in a browser may open any page, so
 * an address of the client, a cookie or stored credentials do not show that the person wants the request:
 *
 * - Each request must be addressed to a known host, else a page whose name an attacker has pointed here (DNS rebinding)
 *   would have the origin of this server.
 * - A request of a page must come from a page of this server (Origin, Sec-Fetch-Site). A link on another page may open a
 *   page of this server.
 * - A change needs {@link changeHeader}. At the paths without `needsChangeHeader`, programs without pages need no header.
 */
export function crossSiteRefusal(
  { method, path, headers, isSecure }: GuardedRequest,
  { hosts, needsChangeHeader }: CrossSiteRules,
): CrossSiteRefusal | null {
  const { host, origin } = headers;
  if (!hosts.includes(host)) {
    const reason = `the host ${quoted(host)} is unknown here: use an IP address, or add the name to the setting http.hosts`;
    return { code: 421, reason };
  }
  if (origin !== undefined && !isOwnOrigin(headers, isSecure)) {
    return {
      code: 403,
      reason: `a page of ${quoted(origin)} may send no request to this server: only its own pages may`,
    };
  }
  if (isFromOtherOrigin(headers) && !opensPage(method, headers)) {
    return { code: 403, reason: 'a page of another origin may send no request to this server' };
  }
  if (method === 'GET' || method === 'HEAD' || headers[changeHeader] === '1') return null;
  if (needsChangeHeader(path) || mayBeFromPage(headers) || headers.cookie !== undefined) {
    return { code: 403, reason: `a request that changes something needs the header ${changeHeader}: 1` };
  }
  return null;
}

/** Returns whether a browser opens a page in a window of its own, for instance because a person has followed a link. */
function opensPage(method: string, headers: IncomingHttpHeaders): boolean {
  const { 'sec-fetch-mode': mode, 'sec-fetch-dest': destination } = headers;
  return method === 'GET' && mode === 'navigate' && destination === 'document';
}

function quoted(text: string | undefined): string {
  return JSON.stringify((text ?? '').slice(0, quotedLengthMax));
}
