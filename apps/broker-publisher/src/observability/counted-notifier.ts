import type { Notifier } from '@mqtt-cluster/contracts';
import { watchdogMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

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
