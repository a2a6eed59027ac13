import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { isLoopback } from '@mqtt-cluster/contracts';

/**
 * Returns whether the connection comes from this host: from a loopback address, or from the address that the
 * server itself listens on.
 */
export function isFromThisHost({ remoteAddress, localAddress }: Socket): boolean {
  if (remoteAddress === undefined) return false;
  return isLoopback(remoteAddress) || remoteAddress === localAddress;
}

/**
 * Returns whether the request may come from another origin although the connection is local. A proxy on this
 * host forwards requests of other hosts. A page in a browser on this host sends requests of the page's
 * author.
 */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  const { forwarded, via, 'x-forwarded-for': forwardedFor } = headers;
  if (forwarded !== undefined || via !== undefined || forwardedFor !== undefined) return true;
  if (mayBeFromPage(headers)) return true;
  // DNS rebinding: an attacker points a host name at this address. That name is neither an IP address nor
  // `localhost`.
  const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(name) === 0 && name !== 'localhost';
}

/**
 * Returns whether a page in a browser may have sent the request. Browsers add credentials that a person has entered
 * for this server (Basic) to requests of other sites, too, and mark requests with these headers.
 */
export function mayBeFromPage(headers: IncomingHttpHeaders): boolean {
  const { origin, 'sec-fetch-site': fetchSite } = headers;
  return origin !== undefined || (fetchSite !== undefined && fetchSite !== 'none');
}
