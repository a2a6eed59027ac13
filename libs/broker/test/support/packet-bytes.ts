/** Encodes packets byte by byte, so that tests can send packets that no encoder would produce. */
export type Bytes = readonly (number | Bytes)[];

/** Joins nested lists of bytes. */
export function flat(...parts: readonly Bytes[]): number[] {
  return parts.flatMap((part) => part.flatMap((each) => (typeof each === 'number' ? [each] : flat(each))));
}

export const uint16 = (value: number): number[] => [value >> 8, value & 255];
export const uint32 = (value: number): number[] => [...uint16(value >>> 16), ...uint16(value & 0xffff)];

/** A string with its length. Takes bytes instead of a string, so that a test can send ill-formed UTF-8. */
export function text(value: string | Bytes): number[] {
  const bytes = typeof value === 'string' ? [...Buffer.from(value)] : flat(value);
  return [...uint16(bytes.length), ...bytes];
}

/** The property length and the properties, which have less than 128 bytes. */
export function properties(...each: readonly Bytes[]): number[] {
  const bytes = flat(...each);
  return [bytes.length, ...bytes];
}

/** A packet with this first byte and a body of less than 16 KiB. */
export function frame(first: number, ...body: readonly Bytes[]): number[] {
  const bytes = flat(...body);
  const { length } = bytes;
  return [first, ...(length < 128 ? [length] : [(length & 127) | 128, length >> 7]), ...bytes];
}
