import type { IncomingHttpHeaders } from 'node:http';

/**
 * Returns whether a WebSocket request may come from its origin. Browsers send the header Origin with the page that opens
 * the connection, and other clients need not send it (RFC 6455, 10.2).
 *
 * @param allowed origins of the setting, `*` for all. Empty: only pages of the address to which the request was sent
 */
export function isAllowedOrigin({ origin, host }: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes('*')) return true;
  if (allowed.length > 0) return allowed.some((each) => originOf(each) === originOf(origin));
  const page = URL.canParse(origin) ? new URL(origin) : null;
  return page !== null && host !== undefined && page.host === hostFor(page.protocol, host);
}

/** Returns the host and port of a Host header in the form of `URL.host`: without the default port of the scheme. */
function hostFor(protocol: string, host: string): string | null {
  const url = `${protocol}//${host}`;
  return URL.canParse(url) ? new URL(url).host : null;
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The origin of an opaque page is the text `null`.
  return url === null || url.origin === 'null' ? text : url.origin;
}
