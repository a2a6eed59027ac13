/** Delay of the first repetition of a message that was refused, and of the later ones, ms. */
const delayMsMin = 500;
const delayMsMax = 10_000;
/**
 * Refusals of one message for a reason that may pass. Then the message is dropped, so that it does not block the messages
 * behind it for ever. With the delays between them, this takes about three minutes.
 */
export const refusalsMax = 20;

/** Returns the time before a message is sent again after this number of refusals, ms. */
export function backOffMs(refusals: number): number {
  return Math.min(delayMsMax, delayMsMin * 2 ** (refusals - 1));
}

/** Calls a function once after a time, and returns how to prevent it. */
export type After = (delayMs: number, run: () => void) => () => void;

export const after: After = (delayMs, run) => {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
};
