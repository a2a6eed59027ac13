import { performance } from 'node:perf_hooks';

/** Lowering it wakes an idle process more often: twenty times a second costs as much as all its heartbeats. */
const sampleIntervalMs = 1_000;

/**
 * Measures how late the event loop comes to a timer, every second, until the returned function is called.
 * Keeps no process alive.
 */
export function eventLoopDelay(
  onSample: (delayMs: number) => void,
  now: () => number = (): number => performance.now(),
): () => void {
  let expectedAtMs = now() + sampleIntervalMs;
  const timer = setInterval(() => {
    const nowMs = now();
    onSample(Math.max(0, nowMs - expectedAtMs));
    // From now, not from the plan: one long pause is one sample, not many.
    expectedAtMs = nowMs + sampleIntervalMs;
  }, sampleIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
