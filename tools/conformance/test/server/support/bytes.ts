import type { Level } from './client.ts';

type Part = number | string | readonly number[];

/** Encodes a packet with this first byte. The caller decides about the flags and about each byte of the body. */
export function frame(first: number, ...body: readonly Part[]): number[] {
  const bytes = body.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : part));
  return [first, ...variable(bytes.length), ...bytes];
}

/** Encodes a string, or any bytes, with their length in two bytes. */
export function text(value: string | readonly number[]): number[] {
  const bytes = typeof value === 'string' ? [...Buffer.from(value)] : [...value];
  return [bytes.length >> 8, bytes.length & 255, ...bytes];
}

/** Encodes a variable byte integer. */
export function variable(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ;) {
    const low = rest & 127;
    rest = Math.floor(rest / 128);
    bytes.push(low | (rest > 0 ? 128 : 0));
    if (rest === 0) return bytes;
  }
}

/** An empty property section for MQTT 5.0, nothing for MQTT 3.1.1. */
export function noProperties(level: Level): number[] {
  return level === 5 ? [0] : [];
}

/** Encodes CONNECT with these connect flags, keep alive 0 and no properties. */
export function connectFrame(level: Level, flags: number, ...payload: (readonly number[])[]): number[] {
  return frame(0x10, text('MQTT'), level, flags, 0, 0, noProperties(level), payload.flat());
}

/** Bytes that are not UTF-8 strings of MQTT, by what is wrong with them. */
export const wrongStrings: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['a byte that UTF-8 never uses', [0x61, 0xff]],
  ['an overlong encoding', [0xc0, 0xaf]],
  ['a truncated character', [0xe2, 0x82]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
];

export const nulString = [0x61, 0x00];
