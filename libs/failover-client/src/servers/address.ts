import { OptionsError } from '../errors.ts';

const defaultPorts = { 'mqtt:': 1883, 'mqtts:': 8883 } as const;

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/** @throws OptionsError when the URL is none of `mqtt://host[:port]` and `mqtts://host[:port]`. */
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

/** The same text for all spellings of an address; undefined for what is none we can use. */
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
 * Reads a Server Reference (MQTT 5, 4.11): references separated by spaces, each a URL or host with an
 * optional port. What can't be read is left out.
 */
export function parseServerReference(reference: string, secure: boolean): string[] {
  const scheme = secure ? 'mqtts' : 'mqtt';
  return reference
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => normalizeUrl(part.includes('://') ? part : `${scheme}://${part}`))
    .filter((url) => url !== undefined);
}
