import { OptionsError } from '../errors.ts';

/** Schemes of server URLs: MQTT over TCP, TLS, WebSocket, and WebSocket over TLS. */
export type Scheme = 'mqtt' | 'mqtts' | 'ws' | 'wss';

const defaultPorts: Readonly<Record<Scheme, number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };
/** `tcp` and `ssl` are other names of `mqtt` and `mqtts`. */
const schemes: Readonly<Record<string, Scheme>> = {
  'mqtt:': 'mqtt',
  'tcp:': 'mqtt',
  'mqtts:': 'mqtts',
  'ssl:': 'mqtts',
  'ws:': 'ws',
  'wss:': 'wss',
};

export interface Address {
  readonly scheme: Scheme;
  readonly host: string;
  readonly port: number;
  /** Path and query of a WebSocket; empty without WebSocket. */
  readonly path: string;
}

/** @throws OptionsError the URL is none of a server, or contains a user name or a password */
export function parseAddress(url: string): Address {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const scheme = schemes[parsed?.protocol ?? ''];
  if (!parsed?.hostname || scheme === undefined) {
    throw new OptionsError(
      `server URL ${url}: expected mqtt://host:port, mqtts://host:port, ws://host:port/path or wss://host:port/path`,
    );
  }
  if (parsed.username !== '' || parsed.password !== '') {
    // The URL appears in logs, so the message does not repeat it.
    throw new OptionsError(
      `server URL with the host ${parsed.host}: must not contain a user name or a password`,
    );
  }
  return {
    scheme,
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? defaultPorts[scheme] : Number(parsed.port),
    path: usesWebSocket(scheme) ? parsed.pathname + parsed.search : '',
  };
}

export function usesTls(scheme: Scheme): boolean {
  return scheme === 'mqtts' || scheme === 'wss';
}

export function usesWebSocket(scheme: Scheme): boolean {
  return scheme === 'ws' || scheme === 'wss';
}

/** Returns the canonical form of a server URL, always with a port. Returns undefined if the URL is none of a server. */
export function normalizeUrl(url: string): string | undefined {
  try {
    return formatUrl(parseAddress(url));
  } catch {
    return undefined;
  }
}

function formatUrl({ scheme, host, port, path }: Address): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
}

/**
 * Parses a Server Reference (MQTT 5, 4.11): references separated by spaces, each a URL, or a host with an optional port.
 * Invalid references are skipped, and URLs with another scheme: a client with TLS must not follow a reference to a
 * server without TLS.
 *
 * @param from URL of the server that sent the reference; a reference without a URL has its scheme and its path
 */
export function parseServerReference(reference: string, from: string): string[] {
  const { scheme, path } = parseAddress(from);
  return reference
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => normalizeUrl(part.includes('://') ? part : `${scheme}://${part}${path}`))
    .filter((url) => url !== undefined)
    .filter((url) => parseAddress(url).scheme === scheme);
}
