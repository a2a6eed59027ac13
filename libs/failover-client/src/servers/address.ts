import { OptionsError } from '../errors.ts';

const defaultPorts = { 'mqtt:': 1883, 'mqtts:': 8883 } as const;

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/** @throws OptionsError the URL is not of the form `mqtt://host[:port]` or `mqtts://host[:port]` */
export function parseAddress(url: string): Address {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const protocol = parsed?.protocol;
  if (!parsed || !parsed.hostname || (protocol !== 'mqtt:' && protocol !== 'mqtts:')) {
    throw new OptionsError(`server URL ${url}: expected mqtt://host:port or mqtts://host:port`);
  }
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? defaultPorts[protocol] : Number(parsed.port),
    secure: protocol === 'mqtts:',
  };
}

/** Returns the canonical form of a server URL, always with a port, or undefined if the URL is not `mqtt:` or `mqtts:`. */
export function normalizeUrl(url: string): string | undefined {
  try {
    const { host, port, secure } = parseAddress(url);
    const shownHost = host.includes(':') ? `[${host}]` : host;
    return `${secure ? 'mqtts' : 'mqtt'}://${shownHost}:${port}`;
  } catch {
    return undefined;
  }
}

/**
 * Parses a Server Reference (MQTT 5, 4.11): references separated by spaces, each a URL, or a host with an optional port.
 * Invalid references are skipped.
 */
export function parseServerReference(reference: string, secure: boolean): string[] {
  const scheme = secure ? 'mqtts' : 'mqtt';
  return reference
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => normalizeUrl(part.includes('://') ? part : `${scheme}://${part}`))
    .filter((url) => url !== undefined);
}
