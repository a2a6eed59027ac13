import type { IncomingHttpHeaders } from 'node:http';

/**
 * Names of the cookie with the id of a session. A browser accepts a name with the prefix `__Host-` only over TLS and for
 * exactly this host, so no program at another port without TLS can replace that cookie (RFC 6265bis, 4.1.3.2).
 */
const names = { plain: 'mqtt-cluster', secure: '__Host-mqtt-cluster' } as const;

const idPattern = /^[A-Za-z0-9_-]{43}$/;

/**
 * Returns the id in the cookie of a request, or null. Of two different ids neither counts: without TLS, a program at another
 * port of this host can add a cookie of the same name for a longer path, and the browser would send that one first. The
 * person would then work in the session of a stranger.
 *
 * @param isSecure whether the connection uses TLS
 */
export function sessionIdOf({ cookie = '' }: IncomingHttpHeaders, isSecure: boolean): string | null {
  const wanted = isSecure ? names.secure : names.plain;
  const found = new Set<string>();
  for (const pair of cookie.split(';')) {
    const [name = '', id = ''] = pair.trim().split('=', 2);
    if (name === wanted && idPattern.test(id)) found.add(id);
  }
  const [id = null] = found;
  return found.size === 1 ? id : null;
}

/** Returns the value of Set-Cookie that stores a session until the browser ends. */
export function sessionCookie(id: string, isSecure: boolean): string {
  return cookieOf(id, isSecure);
}

/** Returns the value of Set-Cookie that deletes the cookie. */
export function endedCookie(isSecure: boolean): string {
  return `${cookieOf('', isSecure)}; Max-Age=0`;
}

/**
 * HttpOnly: no script reads the id. SameSite=Strict: the browser sends the cookie to no request that a page of another
 * site causes. Another port of the same host counts as the same site, so the guard of the server checks the origin too.
 */
function cookieOf(value: string, isSecure: boolean): string {
  const attributes = 'Path=/; HttpOnly; SameSite=Strict';
  return isSecure
    ? `${names.secure}=${value}; ${attributes}; Secure`
    : `${names.plain}=${value}; ${attributes}`;
}
