import type { Notifier } from '@mqtt-cluster/contracts';
import { watchdogMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

/** Returns a notifier that passes everything to `notifier` and counts the watchdog keep-alives. */
export function countingNotifier(notifier: Notifier, metrics: Metrics): Notifier {
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
