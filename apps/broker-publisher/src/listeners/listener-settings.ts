import { BlockList, isIP } from 'node:net';
import { z } from 'zod';

const portMax = 65_535;
const listenersMax = 32;

/** The kinds of client listeners: plain TCP, TLS, WebSocket, and WebSocket over TLS. */
export const listenerKinds = ['tcp', 'tls', 'ws', 'wss'] as const;
const kind = z.enum(listenerKinds);

/** Returns whether clients reach a listener of this kind over TLS. */
export function isTlsKind(value: z.output<typeof kind>): boolean {
  return value === 'tls' || value === 'wss';
}

/** Schemes of URLs at which clients reach a listener. `tcp` and `ssl` are other names of `mqtt` and `mqtts`. */
const urlPattern = /^(?:mqtts?|tcp|ssl|wss?):\/\/.+$/;

export function isClientUrl(text: string): boolean {
  return urlPattern.test(text) && URL.canParse(text);
}

const clientUrl = z
  .string()
  .refine(isClientUrl, 'must be a URL such as mqtts://host:8883 or wss://host/mqtt');

const network = z
  .string()
  .refine((text) => isNetwork(text), 'must be an IP address, or a network such as 192.0.2.0/24');

const tls = z
  .strictObject({
    /** File (PEM) with the private key of the server. */
    key: z.string().default(''),
    /** File (PEM) with the certificate of the server, followed by the intermediate certificates. */
    cert: z.string().default(''),
    /** File (PEM) with the authorities that sign client certificates. */
    ca: z.string().default(''),
    /** File (PEM) with the certificate revocation list of each of these authorities. */
    crl: z.string().default(''),
    /**
     * `none`: clients present no certificate. `optional`: a client without a certificate is accepted, and a client
     * with an invalid certificate is refused. `required`: each client needs a valid certificate.
     */
    clientCertificate: z.enum(['none', 'optional', 'required']).default('none'),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  })
  .check(({ value, issues }) => {
    const add = (message: string): void => void issues.push({ code: 'custom', message, input: value });
    if (value.clientCertificate !== 'none' && value.ca === '')
      add(`must set ca, because clientCertificate is ${value.clientCertificate}`);
    if (value.clientCertificate === 'none' && (value.ca !== '' || value.crl !== ''))
      add('must not set ca or crl while clientCertificate is none: the listener would check no certificate');
  });

/** One listener for clients. */
const listener = z
  .strictObject({
    /** Name for rules, logs and metrics. */
    name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
    kind: kind.default('tcp'),
    /** Address to bind. Default: the setting `host`. */
    host: z.string().min(1).optional(),
    port: z.int().min(0).max(portMax),
    /** WebSocket only: path of the URL. */
    path: z
      .string()
      .regex(/^\/[^?#\s]*$/)
      .default('/mqtt'),
    /**
     * WebSocket only: origins whose pages may connect, such as `https://example.org`; `*` permits all. A request
     * without an Origin header, which no browser sends, is accepted. Without origins, a page may connect only if it
     * comes from the host and port to which it connects.
     */
    origins: z.array(z.string().min(1)).default([]),
    /**
     * Addresses of proxies. The listener then accepts connections only from these addresses, and each connection
     * must start with a PROXY protocol header. Without proxies, such a header is a malformed packet.
     */
    proxy: z.array(network).default([]),
    tls: tls.optional(),
    /** Providers that check the clients, in this order. */
    authentication: z.array(z.enum(['cluster', 'passwordFile', 'certificate', 'jwt'])).default([]),
    /** Whether the listener admits clients without a check. */
    anonymous: z.boolean().default(false),
    /** URLs at which clients reach the listener. Default: derived from the other settings. */
    urls: z.array(clientUrl).default([]),
  })
  .check(({ value, issues }) => {
    const add = (message: string): void => void issues.push({ code: 'custom', message, input: value });
    const secure = isTlsKind(value.kind);
    if (secure && (!value.tls?.key || !value.tls.cert))
      add(`must set tls.key and tls.cert, because its kind is ${value.kind}`);
    if (!secure && value.tls) add(`must not set tls, because its kind is ${value.kind}`);
    const webSocket = value.kind === 'ws' || value.kind === 'wss';
    if (!webSocket && value.origins.length > 0)
      add(`must not set origins, because its kind is ${value.kind}`);
    if (value.authentication.includes('certificate') && (value.tls?.clientCertificate ?? 'none') === 'none')
      add(
        'must set tls.clientCertificate to optional or required, because authentication contains certificate',
      );
  });

export type ListenerSettings = z.output<typeof listener>;

/** The setting `mqtt.listeners`. An empty list means one listener made of the other settings. */
export const listenersSchema = z
  .array(listener)
  .max(listenersMax)
  .default([])
  .check(({ value, issues }) => {
    const name = firstRepeated(value.map((each) => each.name));
    if (name !== undefined) {
      const message = `must give each listener its own name: "${name}" appears twice`;
      issues.push({ code: 'custom', message, input: value });
    }
    const bound = value.filter(({ port }) => port !== 0);
    const address = firstRepeated(
      bound.map(({ host = 'the address of the setting host', port }) => `${host}:${port}`),
    );
    if (address !== undefined) {
      const message = `must give each listener its own address: ${address} appears twice`;
      issues.push({ code: 'custom', message, input: value });
    }
  });

/** Returns whether a text is an IP address or a network in CIDR notation. */
function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0) return false;
  if (bits === undefined) return true;
  try {
    new BlockList().addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
    return true;
  } catch {
    return false;
  }
}

function firstRepeated(values: readonly string[]): string | undefined {
  return values.find((value, position) => values.indexOf(value) !== position);
}
