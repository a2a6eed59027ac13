import type { Limits } from '../history/events.ts';

/** P6 gives a will 5 s and P4 a takeover one; the rest is for a machine that runs all brokers and this tool. */
export const defaultLimits: Limits = { willMsMax: 8_000, takeoverMsMax: 4_000, degradedAcks: false };
