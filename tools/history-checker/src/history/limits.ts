import type { Limits } from './events.ts';

/**
 * The bounds of docs/DESIGN.md, "Promises", P4 and P6. The checker extends these bounds by the delays of a
 * busy machine that the history records.
 */
export const defaultLimits: Limits = {
  willMsMax: 5_000,
  willAtOnceMsMax: 1_000,
  takeoverMsMax: 1_000,
  degradedAcks: false,
};
