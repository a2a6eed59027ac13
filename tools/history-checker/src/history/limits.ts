import type { Limits } from './events.ts';

/**
 * The bounds of docs/DESIGN.md, "Promises", P4 and P6. The checker extends them by the delays of a busy machine, which
 * the history itself records.
 */
export const defaultLimits: Limits = {
  willMsMax: 5_000,
  willAtOnceMsMax: 1_000,
  takeoverMsMax: 1_000,
  degradedAcks: false,
};
