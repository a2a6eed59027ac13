import { watchdogMetrics } from '@mqtt-cluster/contracts';
import type { Metrics, Notifier } from '@mqtt-cluster/contracts';

/** The same notifier, which counts how often it tells that this process lives. */
export function countedNotifier(notifier: Notifier, metrics: Metrics): Notifier {
  const { watchdogIntervalMs } = notifier;
  metrics.set(watchdogMetrics.interval, [], (watchdogIntervalMs ?? 0) / 1_000);
  return {
    ...notifier,
    watchdog: () => {
      metrics.add(watchdogMetrics.feeds, []);
      return notifier.watchdog();
    },
  };
}
