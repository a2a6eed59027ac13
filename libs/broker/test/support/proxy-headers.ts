import { flat, uint16 } from './packet-bytes.ts';

const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

/** Encodes a header of version 2 of the PROXY protocol. */
export function binaryHeader(command: number, family: number, body: Uint8Array): Buffer {
  return Buffer.from(flat(signature, [command, family], uint16(body.length), [...body]));
}

/** The addresses and ports of a header for TCP over IPv4. */
export function ipv4Addresses(source: string): Buffer {
  return Buffer.from([...source.split('.').map(Number), 192, 0, 2, 1, ...uint16(56_324), ...uint16(1_883)]);
}

/** The addresses and ports of a header for TCP over IPv6, with the eight groups of the source. */
export function ipv6Addresses(...source: readonly number[]): Buffer {
  return Buffer.from([...source.flatMap(uint16), ...new Uint8Array(16), ...uint16(56_324), ...uint16(1_883)]);
}

/** A header of version 2 for a client at this IPv4 address. */
export function proxied(address: string): Buffer {
  return binaryHeader(0x21, 0x11, ipv4Addresses(address));
}

/** The header of a health check. */
export const local: Buffer = binaryHeader(0x20, 0x00, new Uint8Array(0));
