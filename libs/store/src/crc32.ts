import * as zlib from 'node:zlib';

type Checksum = (data: Uint8Array, seed?: number) => number;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  }
  return remainder >>> 0;
});

/** The same CRC-32 (ISO 3309, as in gzip) for Node before 20.15, which has none. */
export function crc32Portable(data: Uint8Array, seed = 0): number {
  let remainder = ~seed >>> 0;
  for (const byte of data) remainder = (remainder >>> 8) ^ (table[(remainder ^ byte) & 0xff] ?? 0);
  return ~remainder >>> 0;
}

const native = (zlib as { crc32?: Checksum }).crc32;

/** CRC-32 of `data`; pass the result of the piece before as `seed` to go on. */
export const crc32: Checksum = native === undefined ? crc32Portable : (data, seed = 0) => native(data, seed);
