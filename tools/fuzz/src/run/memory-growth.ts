import type { MemberMemory } from '@mqtt-cluster/lab';

const mebibyte = 1024 * 1024;
/** Growth that counts as a fault: both bounds must be exceeded. Smaller growth is noise of the garbage collector. */
const growthFactorMax = 1.3;
const growthBytesMax = 32 * mebibyte;

/** Returns a sentence if the memory of a member grew. */
export function growthFault({ id, warmBytes, endBytes }: MemberMemory): string[] {
  const grown = endBytes - warmBytes > growthBytesMax && endBytes > warmBytes * growthFactorMax;
  if (warmBytes === 0 || !grown) return [];
  return [`${id}: its live memory grew from ${toMebibytes(warmBytes)} to ${toMebibytes(endBytes)} MiB`];
}

export function toMebibytes(bytes: number): number {
  return Math.round(bytes / mebibyte);
}
