import { performance } from 'node:perf_hooks';
import { createEverySecond } from '@mqtt-cluster/contracts';
import type { EverySecond } from '@mqtt-cluster/contracts';

/**
 * Interval of the samples. A shorter interval wakes an idle process more often, and 20 wake-ups a second cost
 * as much CPU time as all heartbeats.
 */
const sampleIntervalMs = 1_000;

/**
 * Measures every second how late the event loop runs a timer, and reports the delay in milliseconds. Stops when the
 * returned function is called. The timer does not keep the process alive.
 */
export function measureEventLoopDelay(
  onSample: (delayMs: number) => void,
  now: () => number = (): number => performance.now(),
  everySecond: EverySecond = createEverySecond(),
): () => void {
  let expectedAtMs = now() + sampleIntervalMs;
  return everySecond(() => {
    const nowMs = now();
    onSample(Math.max(0, nowMs - expectedAtMs));
    // The next sample counts from now, not from the schedule, so that one long pause is one sample.
    expectedAtMs = nowMs + sampleIntervalMs;
  });
}
