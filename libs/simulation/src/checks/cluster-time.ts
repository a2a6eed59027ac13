import type { History } from '../history/history.ts';

/** Clocks of two hosts differ in rate by at most this part (`Host`), so a delay may differ by as much. */
const rateError = 0.002;
/** Delays of packets and of turns, ms. */
const earlyMsMax = 100;
/**
 * Bound of docs/DESIGN.md, "Cluster time", ms: an expiry may be late by an election and by the commit of a
 * `time` command.
 */
const lateMsMax = 4_000;

/** A time span without a healthy cluster: from a fault until all members served again. */
export interface Disturbance {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Something with a delay in cluster time: a session, a will or a message. */
export interface TimedThing {
  readonly name: string;
  /** Its delay begins in this span: between the packet of the client and the answer of the cluster. */
  readonly startedMs: readonly [earliest: number, latest: number];
  readonly delayMs: number;
}

/** Checks that an event that is due after the delay happened neither early nor late, or is not yet due. */
export function checkOccurred(
  history: History,
  thing: TimedThing,
  occurredMs: number | null,
  disturbances: readonly Disturbance[],
): void {
  const [earliest, latest] = dueSpan(thing);
  if (occurredMs !== null && occurredMs < earliest) {
    return violate(history, thing, `was early by ${(earliest - occurredMs).toFixed(0)} ms`);
  }
  const deadlineMs = afterDisturbances(latest, disturbances) + lateMsMax;
  const untilMs = occurredMs ?? history.nowMs;
  if (untilMs > deadlineMs) {
    violate(
      history,
      thing,
      `${occurredMs === null ? 'has not happened' : 'was late'}, ${(untilMs - deadlineMs).toFixed(0)} ms after the bound`,
    );
  }
}

/**
 * Checks what a subscriber received at `atMs`: the message with its remaining expiry, or nothing once it has
 * expired.
 *
 * @param remainingSeconds the Message Expiry Interval of the delivery, or null without a delivery
 */
export function checkRemaining(
  history: History,
  thing: TimedThing,
  atMs: number,
  remainingSeconds: number | null,
): void {
  const [earliest, latest] = dueSpan(thing);
  const leastSeconds = (earliest - atMs) / 1_000;
  const mostSeconds = (latest + lateMsMax - atMs) / 1_000;
  if (remainingSeconds === null) {
    if (leastSeconds > 0) violate(history, thing, `expired ${leastSeconds.toFixed(1)} s early`);
    return;
  }
  if (remainingSeconds < leastSeconds)
    violate(history, thing, `had ${remainingSeconds} s left instead of ${leastSeconds.toFixed(1)} s`);
  // The interval is rounded up to whole seconds.
  if (remainingSeconds > Math.max(0, mostSeconds) + 1)
    violate(history, thing, `had ${remainingSeconds} s left instead of at most ${mostSeconds.toFixed(1)} s`);
}

function dueSpan({ startedMs, delayMs }: TimedThing): readonly [earliest: number, latest: number] {
  const errorMs = delayMs * rateError;
  return [startedMs[0] + delayMs - errorMs - earlyMsMax, startedMs[1] + delayMs + errorMs];
}

/** Returns the end of the disturbances in which the time falls, because nothing is applied meanwhile. */
function afterDisturbances(timeMs: number, disturbances: readonly Disturbance[]): number {
  let endMs = timeMs;
  for (const { fromMs, toMs } of disturbances) if (fromMs <= endMs + lateMsMax && endMs < toMs) endMs = toMs;
  return endMs;
}

function violate(history: History, { name, startedMs, delayMs }: TimedThing, what: string): void {
  history.reportViolation({
    promise: 'cluster time',
    text: `${name} ${what}: delay ${delayMs} ms from ${startedMs[0].toFixed(1)}`,
  });
}
