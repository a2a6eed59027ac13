/**
 * Fair shares of a bound. A holder may hold at most this many times what is still free. So one holder gets at
 * most nine tenths, and N holders that want everything leave 1 / (9 N + 1) of the bound for others. Holders
 * below that never meet the rule (Choudhury and Hahne, "Dynamic Queue Length Thresholds", 1998).
 */
const shareFactor = 9;

/**
 * Returns whether a holder may hold `added` more. The rule is the same for all holders, so the holder with the
 * most meets it first. It depends only on sums of the replicated state.
 */
export function isWithinShare(held: number, added: number, used: number, max: number): boolean {
  const free = max - used;
  return added <= free && held + added <= shareFactor * free;
}
