import { isIP } from 'node:net';
import { plainAddress } from '@mqtt-cluster/contracts';

/**
 * Parser of PROXY protocol headers, versions 1 and 2 (haproxy.org, "The PROXY protocol", versions 1 & 2). The libraries
 * on npm expect the whole header in one buffer, or replace the server.
 */

/** Bytes of a version 1 header, with CRLF (2.1). */
const textBytesMax = 107;
/** Bytes of a version 2 header, with its TLVs. A longer header would cost memory for nothing that is used. */
const binaryBytesMax = 4_096;
export const proxyHeaderBytesMax = binaryBytesMax;

const textStart = Buffer.from('PROXY ');
const binaryStart = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
/** Bytes before the addresses of a version 2 header. */
const binaryFixedBytes = 16;
const commands = { local: 0x20, proxy: 0x21 } as const;
/** Address family and transport of a version 2 header: TCP over IPv4, TCP over IPv6. */
const families = { tcp4: 0x11, tcp6: 0x21 } as const;
const addressBytes = { tcp4: 12, tcp6: 36 } as const;

export type ProxyHeader =
  /** `LOCAL`: the proxy itself has connected, for example to check the health of this server. */
  | { readonly kind: 'local'; readonly length: number }
  /** `address`: IP address of the client; null if the proxy does not know it. */
  | { readonly kind: 'proxied'; readonly length: number; readonly address: string | null };

export type ProxyHeaderResult =
  ProxyHeader | { readonly kind: 'incomplete' } | { readonly kind: 'invalid'; readonly reason: string };

/** Parses the header at the start of the bytes. `length` is the number of bytes that the header takes. */
export function parseProxyHeader(bytes: Buffer): ProxyHeaderResult {
  if (startsLike(bytes, binaryStart)) return parseBinary(bytes);
  if (startsLike(bytes, textStart)) return parseText(bytes);
  return invalid('the connection does not start with a PROXY protocol header');
}

/** Returns whether the bytes start with the pattern, or with the first bytes of it if there are fewer. */
function startsLike(bytes: Buffer, pattern: Buffer): boolean {
  const length = Math.min(bytes.length, pattern.length);
  return bytes.subarray(0, length).equals(pattern.subarray(0, length));
}

function parseText(bytes: Buffer): ProxyHeaderResult {
  const end = bytes.subarray(0, textBytesMax).indexOf('\r\n');
  if (end < 0) {
    if (bytes.length >= textBytesMax) return invalid(`a header of version 1 exceeds ${textBytesMax} bytes`);
    return { kind: 'incomplete' };
  }
  const length = end + 2;
  const [, protocol = '', ...fields] = bytes.toString('latin1', 0, end).split(' ');
  if (protocol === 'UNKNOWN') return { kind: 'proxied', length, address: null };
  const family = { TCP4: 4, TCP6: 6 }[protocol];
  const [source = '', target = '', sourcePort = '', targetPort = ''] = fields;
  const isValid =
    fields.length === 4 &&
    [source, target].every((address) => isIP(address) === family && !address.includes('%')) &&
    [sourcePort, targetPort].every(isPort);
  if (family === undefined || !isValid) return invalid('a header of version 1 is malformed');
  return { kind: 'proxied', length, address: family === 6 ? canonicalIpv6(source) : source };
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function parseBinary(bytes: Buffer): ProxyHeaderResult {
  if (bytes.length < binaryFixedBytes) return { kind: 'incomplete' };
  const command = bytes[12]!;
  if (command !== commands.local && command !== commands.proxy)
    return invalid('a header of version 2 has an unknown version or command');
  const length = binaryFixedBytes + bytes.readUInt16BE(14);
  if (length > binaryBytesMax) return invalid(`a header of version 2 exceeds ${binaryBytesMax} bytes`);
  if (bytes.length < length) return { kind: 'incomplete' };
  if (command === commands.local) return { kind: 'local', length };
  return binaryAddress(bytes[13]!, bytes.subarray(binaryFixedBytes, length), length);
}

/** Other families, such as UNIX sockets, carry no IP address. The TLVs behind the addresses are skipped. */
function binaryAddress(family: number, body: Buffer, length: number): ProxyHeaderResult {
  if (family === families.tcp4) {
    if (body.length < addressBytes.tcp4)
      return invalid('a header of version 2 is too short for its addresses');
    return { kind: 'proxied', length, address: body.subarray(0, 4).join('.') };
  }
  if (family === families.tcp6) {
    if (body.length < addressBytes.tcp6)
      return invalid('a header of version 2 is too short for its addresses');
    const groups = Array.from({ length: 8 }, (_, index) => body.readUInt16BE(index * 2).toString(16));
    return { kind: 'proxied', length, address: canonicalIpv6(groups.join(':')) };
  }
  return { kind: 'proxied', length, address: null };
}

/** Returns the form in which Node reports the address of a socket (RFC 5952), without the IPv4-mapped form. */
function canonicalIpv6(address: string): string {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return plainAddress(canonical);
  const [first, second] = [parseInt(high, 16), parseInt(low, 16)];
  return [first >> 8, first & 0xff, second >> 8, second & 0xff].join('.');
}

function invalid(reason: string): ProxyHeaderResult {
  return { kind: 'invalid', reason };
}
