import type { History } from '../history/history.ts';

/**
 * Checks that a client that has ended its session with DISCONNECT never finds it again, at whichever member it
 * connects [5.0 MQTT-3.1.2-23]. While a fault is active, the former home may not have been able to report the
 * DISCONNECT to the cluster.
 */
export function checkSessionEnds(history: History): void {
  const { accessSinceMs, calmPeriods } = history;
  for (const { ended, next, sessionPresent, mayBeNewer } of history.sessionEnds) {
    const fromMs = ended.disconnectHandledAtMs;
    const untilMs = next.connackAtMs;
    if (!sessionPresent) history.mark('session-ended-by-disconnect');
    if (!sessionPresent || mayBeNewer || fromMs === null || untilMs === null) continue;
    if (accessSinceMs === null || accessSinceMs > fromMs) continue;
    if (!calmPeriods.some((calm) => calm.fromMs <= fromMs && untilMs <= calm.toMs)) continue;
    history.reportViolation({
      promise: 'end of a session [5.0 MQTT-3.1.2-23]',
      client: ended.client,
      text:
        `${ended.client} ended its session with DISCONNECT on ${ended.id}, which ${ended.host} handled at ` +
        `${fromMs.toFixed(1)}, but received Session Present 1 from ${next.host} at ${untilMs.toFixed(1)}`,
    });
  }
}
