import type { Limits } from './events.ts';

/** What P4 and P6 say, to the letter. What a busy machine adds is measured in the history itself. */
export const defaultLimits: Limits = {
  willMsMax: 5_000,
  willAtOnceMsMax: 1_000,
  takeoverMsMax: 1_000,
  degradedAcks: false,
};
