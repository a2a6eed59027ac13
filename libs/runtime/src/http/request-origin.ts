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
 * host forwards requests of other hosts. A page of another origin in a browser on this host sends requests of the
 * page's author.
 */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  if (isProxied(headers)) return true;
  if (isFromOtherOrigin(headers)) return true;
  // DNS rebinding: an attacker points a host name at this address. That name is neither an IP address nor
  // `localhost`.
  const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(name) === 0 && name !== 'localhost';
}

/** Returns whether a proxy has passed the request on, as far as its headers show. */
export function isProxied({ forwarded, via, 'x-forwarded-for': forwardedFor }: IncomingHttpHeaders): boolean {
  return forwarded !== undefined || via !== undefined || forwardedFor !== undefined;
}

/**
 * Returns whether a page in a browser may have sent the request. Browsers add credentials that a person has entered
 * for this server (Basic) to requests of other sites, too, and mark requests with these headers.
 */
export function mayBeFromPage(headers: IncomingHttpHeaders): boolean {
  const { origin, 'sec-fetch-site': fetchSite } = headers;
  return origin !== undefined || (fetchSite !== undefined && fetchSite !== 'none');
}

/** Returns whether a page of another origin than that of the server has sent the request, as far as its headers show. */
export function isFromOtherOrigin(headers: IncomingHttpHeaders): boolean {
  const { origin, 'sec-fetch-site': fetchSite } = headers;
  if (origin !== undefined && !isOwnOrigin(headers)) return true;
  return fetchSite !== undefined && fetchSite !== 'none' && fetchSite !== 'same-origin';
}

/**
 * Returns whether the page of the header Origin comes from the host and the port of the header Host.
 *
 * @param isSecure whether the connection uses TLS: then a page without TLS has another origin. A server without TLS may be
 * behind a proxy that ends TLS.
 */
export function isOwnOrigin({ origin = '', host = '' }: IncomingHttpHeaders, isSecure = false): boolean {
  // An opaque origin is the text `null`, which is no URL.
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  if (page.protocol !== 'https:' && (page.protocol !== 'http:' || isSecure)) return false;
  const own = `${page.protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === page.host;
}
