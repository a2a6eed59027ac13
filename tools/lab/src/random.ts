/** Uniform in [0, 1), the same for the same seed: Marsaglia's xorshift (2003) with the shifts 13, 17, 5. */
export function seededRandom(seed: number): () => number {
  // Zero is a fixed point of xorshift; the multiplier spreads small seeds over all bits.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}
