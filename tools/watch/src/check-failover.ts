import type { MonitoredLab } from './monitored-lab.ts';
import { waitUntil } from './wait-until.ts';

/** Bound of each step. It is large, because a step may take long on a busy machine. */
const stepMsMax = 120_000;
/** Number of scrapes of each target before the kill, so that `increase` has a start value. */
const scrapesMin = 8;

export interface FailoverFindings {
  /** Id of the killed member. */
  readonly killed: string;
  /** The failover gap that the application reports, and the gap that Prometheus shows. */
  readonly gapMs: { readonly application: number; readonly prometheus: number };
  /** Alerts that fired after the kill and cleared after the restart. */
  readonly alerts: readonly string[];
}

/** Alerts that must fire after the kill of one member. */
export const alertsAfterKill = ['MqttClusterMemberDown', 'MqttClusterClientFailover'] as const;

/**
 * Kills the member that the application is connected to, waits until the alerts fire, restarts the member, and waits
 * until the alerts clear. @throws WaitTimeoutError with the step that did not complete in time.
 */
export async function checkFailover(
  lab: MonitoredLab,
  print: (text: string) => void,
): Promise<FailoverFindings> {
  const { api, cluster } = lab;
  await waitUntil('several scrapes of every target', stepMsMax, async () => {
    const scrapes = await api.value('min(sum_over_time(up[10m]))');
    const targets = await api.value('count(up{job!="prometheus"} == 1)');
    return (scrapes ?? 0) >= scrapesMin && targets === cluster.layout.members.length + 1 ? true : null;
  });
  const killed = await waitUntil('a connection of the application', stepMsMax, async () => {
    const { server } = await lab.application();
    return server;
  });
  const killedAtSeconds = Date.now() / 1_000;
  const firing = (alert: string): string => `ALERTS{alertname="${alert}",alertstate="firing"}`;
  await cluster.fault('kill', [[killed]]);
  print(`killed ${killed}, to which the application was connected`);
  for (const alert of alertsAfterKill) {
    await waitUntil(`${alert} firing`, stepMsMax, async () => {
      // Queries the recorded range: the alert may have cleared before this query.
      const fired = await api.range(firing(alert), killedAtSeconds, Date.now() / 1_000);
      return fired.length > 0 ? true : null;
    });
    print(`${alert} fired`);
  }
  const gapMs = await waitUntil('the gap of the application in Prometheus', stepMsMax, async () => {
    const { lastGapMs } = await lab.application();
    const shown = await api.value('mqtt_cluster_client_last_gap_seconds');
    if (lastGapMs === null || shown === null || shown === 0) return null;
    return { application: lastGapMs, prometheus: shown * 1_000 };
  });
  print(
    `gap: the application reports ${gapMs.application.toFixed(1)} ms, Prometheus shows ${gapMs.prometheus.toFixed(1)} ms`,
  );
  await cluster.fault('start', [[killed]]);
  print(`started ${killed}`);
  for (const alert of alertsAfterKill) {
    await waitUntil(`${alert} cleared`, stepMsMax, async () =>
      (await api.query(firing(alert))).length === 0 ? true : null,
    );
    print(`${alert} cleared`);
  }
  return { killed, gapMs, alerts: alertsAfterKill };
}
