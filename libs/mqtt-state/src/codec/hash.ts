/**
 * 52 bits of two FNV-1a hashes (Fowler, Noll, Vo) with different initial values. Detects accidental
 * differences; it is not a cryptographic hash.
 */
export function hashOf(bytes: Uint8Array): number {
  let high = 0x811c9dc5;
  let low = 0x2f0b4c47;
  for (let position = 0; position < bytes.length; position++) {
    const byte = bytes[position] ?? 0;
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte ^ (high >>> 24), 0x01000193);
  }
  return (high >>> 0) * 2 ** 20 + (low >>> 12);
}
